import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inCommandWords } from "../../src/cli/terminal/command-words.ts";
import { ERROR_CODES } from "../../src/kernel/error-codes.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { byReason, byStatus, type Case, type Stage, type Subject } from "./_cases.ts";
import { inputFields, SCHEMA, throughApi, throughCommand, throughQuery } from "./_doors.ts";
import { ELSEWHERE } from "./_elsewhere.ts";

// No worker runs: what is started stays PENDING.
const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));

async function stage(): Promise<Stage> {
  return { world, api, administrator: await api.as("ADMINISTRATOR") };
}

const named = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
const isMutation = (name: string) => name in (SCHEMA.getMutationType()?.getFields() ?? {});

/** What the fields that a next action names are given. */
const GIVEN: Record<string, unknown> = {
  allowExistingUser: true,
  confirm: true,
  dropSchema: true,
  endGrace: true,
  immediately: true,
  reason: "a test",
};

/** Every way out that a next action names: the mutations, or the same request with the fields. */
function waysOut(
  nextAction: string,
  { mutation, input }: Case,
): ((subject: Subject) => [string, Record<string, unknown>])[] {
  const names = named(nextAction);
  const fields = Object.fromEntries(names.filter((n) => n in GIVEN).map((n) => [n, GIVEN[n]]));
  const mutations = names.filter(isMutation);
  const given = (name: string, subject: Subject) =>
    Object.fromEntries(
      Object.entries({ ...subject, ...fields }).filter(([field]) => inputFields(name).has(field)),
    );
  const ways = mutations.map((name) => (subject: Subject): [string, Record<string, unknown>] => [
    name,
    name === "provisionTenant"
      ? { ...provisionRequest({ slug: subject.slug ?? "" }) }
      : given(name, subject),
  ]);
  const again = Object.keys(fields).every((field) => inputFields(mutation).has(field));
  if (!again || Object.keys(fields).length === 0) return ways;
  return [...ways, (subject) => [mutation, { ...input(subject), ...fields }]];
}

/** Whether all that an input needs is there: a db server's address and the like are not made up. */
const isComplete = (mutation: string, input: Record<string, unknown>) =>
  [...inputFields(mutation)].every(([name, needed]) => !needed || name in input);

test("each refusal names a next thing to do that helps, at both doors", async () => {
  const at = await stage();
  const cases = [...byStatus(at), ...byReason(at)];
  const said: { each: Case; subject: Subject; nextAction: string }[] = [];
  for (const each of cases) {
    const subject = await each.make();
    const told = await throughApi(at.administrator, each.mutation, each.input(subject));
    expect
      .soft({ about: each.about, code: told?.code })
      .toEqual({ about: each.about, code: each.code });
    const nextAction = told?.nextAction ?? "";
    said.push({ each, subject, nextAction });
    for (const way of waysOut(nextAction, each)) {
      const other = await each.make();
      const [mutation, input] = way(other);
      if (!isComplete(mutation, input)) continue;
      const refused = await throughApi(at.administrator, mutation, input);
      expect.soft(refused, `${each.about}: ${nextAction}`).toBeNull();
    }
  }
  const typed = said.filter(({ each }) => each.words !== undefined);
  const answers = await throughCommand(
    typed.map(({ each, subject }) => [...(each.words?.(subject) ?? []), "--json"]),
    world.environment,
  );
  expect(answers).toHaveLength(typed.length);
  for (const [index, { each, nextAction }] of typed.entries()) {
    const { code, nextAction: told, text } = answers[index] ?? {};
    expect.soft({ about: each.about, code, told }, text).toEqual({
      about: each.about,
      code: each.code,
      told: inCommandWords(nextAction),
    });
  }
}, 240_000);

/** What is refused of queries, whoever asks. */
const QUERIES: Record<string, string> = {
  E_INVALID_CURSOR: '{ tenants(after: "x") { nodes { slug } } }',
  E_QUERY_TOO_COMPLEX: `{ ${Array.from({ length: 200 }, (_, at) => `m${at}: me { email }`).join(" ")} }`,
  E_FORBIDDEN: "{ serviceTokens { nodes { id } } }",
};

test("what is refused of a request as a whole says what to do, in an error's extensions", async () => {
  const [administrator, reader] = [await api.as("ADMINISTRATOR"), await api.as("READONLY")];
  for (const [code, document] of Object.entries(QUERIES)) {
    const told = await throughQuery(code === "E_FORBIDDEN" ? reader : administrator, document);
    expect(told).toMatchObject({ code, nextAction: expect.stringMatching(/\w\.$/) });
  }
  const told = await throughQuery(api.anonymous(), "{ tenants { nodes { slug } } }");
  expect(told).toMatchObject({
    code: "E_UNAUTHENTICATED",
    nextAction: ERROR_CODES.E_UNAUTHENTICATED.nextAction,
  });
});

test("no code is left out: those that are not provoked here have a test that does", async () => {
  const at = await stage();
  const cases = [...byStatus(at), ...byReason(at)].map(({ code }) => code);
  const here = new Set([...cases, ...Object.keys(QUERIES), "E_UNAUTHENTICATED"]);
  const left = Object.keys(ERROR_CODES).filter((code) => !here.has(code));
  expect(Object.keys(ELSEWHERE).sort()).toEqual(left.sort());
  for (const [code, path] of Object.entries(ELSEWHERE)) {
    const text = await readFile(join(import.meta.dirname, "..", path), "utf8");
    expect.soft(text, path).toContain(code);
  }
});
