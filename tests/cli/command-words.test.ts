import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { buildSchema, isInputObjectType, isObjectType } from "graphql";
import { expect, test } from "vitest";
import { makeProgram } from "../../src/cli/tenantry.ts";
import { COMMAND_WORDS, inCommandWords } from "../../src/cli/terminal/command-words.ts";
import { ERROR_CODES } from "../../src/kernel/error-codes.ts";

const ROOT = join(import.meta.dirname, "../..");
const schema = buildSchema(await readFile(join(ROOT, "schema.graphql"), "utf8"));

const fieldsOf = (type: string): string[] => {
  const found = schema.getType(type);
  return isObjectType(found) || isInputObjectType(found) ? Object.keys(found.getFields()) : [];
};
const ACTS = [...fieldsOf("Mutation"), ...fieldsOf("Query"), ...fieldsOf("Tenant")];
const INPUT_FIELDS = Object.keys(schema.getTypeMap())
  .filter((type) => isInputObjectType(schema.getType(type)))
  .flatMap(fieldsOf);

const commands = (command: Command, path = ""): [string, Command][] => {
  const name = `${path}${command.name()}`;
  return [[name, command], ...command.commands.flatMap((each) => commands(each, `${name} `))];
};
const COMMANDS = new Map(commands(makeProgram()));
const FLAGS = [...COMMANDS.values()].flatMap(({ options }) => options.map(({ long }) => long));

/** Every next action that the code holds: those of the codes, and those that a case has of its own. */
async function allNextActions(): Promise<string[]> {
  const files = await readdir(join(ROOT, "src"), { recursive: true });
  const sources = await Promise.all(
    files
      .filter((file) => file.endsWith(".ts") && !file.includes("generated"))
      .map((file) => readFile(join(ROOT, "src", file), "utf8")),
  );
  const literals = sources.flatMap((text) => [
    ...text.matchAll(/(?:nextAction|remedy):\s*("[^"\n]*")/g),
  ]);
  return [
    ...Object.values(ERROR_CODES).map(({ nextAction }) => nextAction),
    ...literals.map(([, literal = '""']) => JSON.parse(literal) as string),
  ];
}

test("each word of the API has its command", () => {
  for (const [act, command] of Object.entries(COMMAND_WORDS)) {
    expect(ACTS, act).toContain(act);
    expect([...COMMANDS.keys()], command).toContain(command);
  }
});

test("every next action names only what both the API and the command have", async () => {
  const named = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
  for (const text of await allNextActions()) {
    for (const name of named(text)) expect([...ACTS, ...INPUT_FIELDS], text).toContain(name);
    for (const words of named(inCommandWords(text)))
      expect([...COMMANDS.keys(), ...FLAGS], text).toContain(words);
  }
});
