import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { makeProgram } from "../../src/cli/tenantry.ts";
import { COMMAND_SYNONYMS, FLAG_SYNONYMS } from "../../src/cli/terminal/synonyms.ts";
import { refusalOf } from "./_command-lines.ts";
import { proseOf, textOf } from "./_pages.ts";

const [, ...chapters] = proseOf(textOf("docs/coming-from.md")).split(/\n(?=## )/);
const flags = chapters.flatMap((text) => [
  ...text.matchAll(/^\| `(--[^`]+)` \| `(--[^`]+)` \| `([^`]+)` \|$/gm),
]);
const commands = chapters.flatMap((text) => [
  ...text.matchAll(/^\| `([a-z][a-z -]+)` \| `tenantry ([a-z -]+)/gm),
]);

/** What a command line is refused with. */
const toldOf = async (words: readonly string[]) => (await refusalOf(words))?.message ?? "";

const found = (path: string): Command | undefined =>
  path
    .split(" ")
    .reduce<Command | undefined>(
      (command, word) => command?.commands.find((each) => each.name() === word),
      makeProgram(),
    );
const flagsOf = (path: string) => found(path)?.options.map(({ long }) => long) ?? [];

test("there is a chapter for each of the five systems, with commands and flags", () => {
  expect(chapters).toHaveLength(5);
  expect(flags.length).toBeGreaterThan(30);
  expect(commands.length).toBeGreaterThan(10);
  for (const text of chapters) expect(text).toMatch(/^\| `--/m);
});

describe("each flag of the page", () => {
  test.each(flags.map(([, there = "", here = "", command = ""]) => ({ there, here, command })))(
    "$command: $there is $here",
    async ({ there, here, command }) => {
      expect(flagsOf(command)).toContain(here.split(" ")[0]);
      if (there === here) return;
      expect(flagsOf(command)).not.toContain(there);
      const words = [...command.split(" "), there, "value"];
      expect(await toldOf(words)).toBe(`error: unknown option '${there}'\n(Did you mean ${here}?)`);
    },
  );
});

describe("each command of the page", () => {
  test.each(commands.map(([, there = "", here = ""]) => ({ there, here: here.trim() })))(
    "$there is $here",
    async ({ there, here }) => {
      const [, meant = ""] =
        /mean tenantry ([a-z -]+)\?/.exec(await toldOf(there.split(" "))) ?? [];
      expect(found(meant), meant).toBeDefined();
      expect(here.startsWith(meant)).toBe(true);
    },
  );
});

test("every other name leads to a flag or a command that exists, and is none itself", () => {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  const known = new Set(all(makeProgram()).flatMap((each) => each.options.map(({ long }) => long)));
  for (const meant of Object.values(FLAG_SYNONYMS).flat())
    expect(known, meant).toContain(meant.split(" ")[0]);
  for (const [there, here] of Object.entries(COMMAND_SYNONYMS)) {
    expect(found(here), here).toBeDefined();
    expect(found(there), there).toBeUndefined();
  }
});

test.each([
  ["list", "unknown command 'list'\n(Did you mean tenantry tenant list?)"],
  ["tenant shw", "unknown command 'shw'\n(Did you mean show?)"],
  ["tenant provision --regoin eu", "unknown option '--regoin'\n(Did you mean --region?)"],
  ["tenant provision --lab_name=Main", "unknown option '--lab_name=Main'\n(Did you mean --lab?)"],
  ["tenant offboard -y", "unknown option '-y'\n(Did you mean --yes?)"],
  ["tenant show acme", "got 1: acme.\n(Did you mean --slug acme?)"],
  [
    "tenant suspend acme",
    "required option '--slug <slug>' not specified\n(Did you mean --slug acme?)",
  ],
  ["tenant show --nonsense", "unknown option '--nonsense'"],
])("tenantry %s: says what was meant", async (line, told) => {
  expect(await toldOf(line.split(" "))).toSatisfy((text: string) => text.endsWith(told));
});
