import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { makeProgram } from "../../src/cli/tenantry.ts";
import { refusalOf, wordsOf } from "./_command-lines.ts";

interface Helped {
  readonly path: string;
  readonly command: Command;
  readonly help: string;
}

/** Every command, with its help as a terminal of 80 columns shows it. */
function all(command: Command, above = ""): Helped[] {
  const path = `${above} ${command.name()}`.trim();
  const shown: string[] = [];
  const writeOut = (text: string) => void shown.push(text);
  command.configureOutput({ writeOut, getOutHelpWidth: () => 80 }).outputHelp();
  return [
    { path, command, help: shown.join("") },
    ...command.commands.flatMap((each) => all(each, path)),
  ];
}

/** The command lines that a help shows, without `tenantry`, comments and what a shell does. */
const examplesIn = (help: string): string[] =>
  [...help.replaceAll(/\\\n\s*/g, "").matchAll(/^ {2}\$ .*?tenantry (.*)$/gm)].map(
    ([, line = ""]) => line.split(/ [|<] | {3,}|\)"/)[0] ?? "",
  );

/** How many flags stand below each heading. */
function sizesOf({ command }: Helped): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const { helpGroupHeading = "Options:" } of command.options)
    sizes[helpGroupHeading] = (sizes[helpGroupHeading] ?? 0) + 1;
  return sizes;
}

describe.each(all(makeProgram()))("the help of $path", (helped) => {
  const { path, command, help } = helped;

  test("says in a line what it does, without being its own title", () => {
    expect(command.description()).toMatch(/^[a-zP][^\n]{15,170}$/);
  });

  test("has an example that is understood", async () => {
    const examples = examplesIn(help);
    expect(examples.length, help).toBeGreaterThan(0);
    for (const example of examples) {
      expect(`tenantry ${example}`.startsWith(path), example).toBe(true);
      if (!example.includes("…")) expect(await refusalOf(wordsOf(example)), example).toBeNull();
    }
  });

  test("has its flags in groups that are read at a glance", () => {
    const sizes = sizesOf(helped);
    expect(Math.max(0, ...Object.values(sizes)), JSON.stringify(sizes)).toBeLessThanOrEqual(9);
  });

  test("shows no flag of another command", () => {
    expect(help).not.toContain("Global Options");
  });
});
