import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { schema } from "../../src/api/schema.ts";
import { AuditEventType } from "../../src/audit/events.ts";
import { makeProgram } from "../../src/cli/tenantry.ts";

const ROOT = join(import.meta.dirname, "../..");
const page = await readFile(join(ROOT, "docs/audit.md"), "utf8");

/** The rows of the table "Which mutation records which event". A new mutation or command gets a row there. */
const acts = [...page.matchAll(/^\| (`\w+`|–) \| (`[^`]+`|–) \| (.+) \|$/gm)].map(
  ([, mutation = "", command = "", facts = ""]) => ({
    mutation: mutation.replaceAll("`", ""),
    command: command.replaceAll("`", ""),
    facts: [...facts.matchAll(/`([A-Z_]+)`/g)].map(([, fact = ""]) => fact),
  }),
);
const onlyLook = /only read: ([^.]+)\./.exec(page)?.[1] ?? "";
const lookers = [...onlyLook.matchAll(/`([^`]+)`/g)].map(([, command = ""]) => command);

const commandsOf = (command: Command, words: readonly string[] = []): string[] => {
  const inside = command.commands.flatMap((each) => commandsOf(each, [...words, each.name()]));
  const acts = command.registeredArguments.length > 0 || command.commands.length === 0;
  return acts ? [words.join(" "), ...inside] : inside;
};

describe("docs/audit.md", () => {
  test("has a row for every mutation, with the facts that it writes", () => {
    const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {});
    const rows = acts.map(({ mutation }) => mutation).filter((mutation) => mutation !== "–");
    expect(rows.sort()).toEqual(mutations.sort());
    for (const { mutation, facts } of acts) {
      if (mutation !== "–") expect(facts, mutation).not.toEqual([]);
    }
  });

  test("has every command, with its facts or as one that only looks", () => {
    const rows = acts.map(({ command }) => command).filter((command) => command !== "–");
    const named = new Set([...rows, ...lookers]);
    expect([...named].sort()).toEqual([...new Set(commandsOf(makeProgram()))].sort());
  });

  test("names facts that exist, and every one of them", () => {
    const named = new Set(acts.flatMap(({ facts }) => facts));
    expect([...named].sort()).toEqual([...AuditEventType.options].sort());
  });
});

test("every fact is recorded somewhere", async () => {
  const src = join(ROOT, "src");
  const files = (await readdir(src, { recursive: true })).filter(
    (file) => file.endsWith(".ts") && file !== "audit/events.ts" && !file.includes("generated"),
  );
  const texts = await Promise.all(files.map((file) => readFile(join(src, file), "utf8")));
  const unheard = AuditEventType.options.filter(
    (type) => !texts.some((text) => text.includes(`"${type}"`)),
  );
  expect(unheard).toEqual([]);
});
