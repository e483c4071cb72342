import { randomBytes } from "node:crypto";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type KeyedWork, once } from "../../src/idempotency/once.ts";
import { DomainError } from "../../src/kernel/domain-error.ts";
import { TestClock } from "../kit/iam.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatformDatabase } from "../kit/platform-database.ts";

type Payload = { readonly value: string };
type Work = KeyedWork<Payload>;

const DAY_S = 86_400;
const database = perFile(openPlatformDatabase);
const other = perFile(() => database.another());
const time = new TestClock();
const sealingKey = randomBytes(32);
const actor = { kind: "USER", id: "ada" } as const;

beforeAll(() => database.sql("create table effect (value text)"));
beforeEach(() => database.sql("delete from effect; delete from platform.idempotency_key"));
afterEach(() => void vi.restoreAllMocks());

const ask = (key: string, work: Work, input: unknown = {}, orm = database.orm) =>
  once(
    { orm, clock: time.now, sealingKey },
    { actor, mutation: "makeSomething", key, input },
    work,
  );

/** An effect in a transaction of its own, as functions of the domain have it; then `more`. */
const making = (value: string, more: () => Promise<void> = async () => {}): Work => ({
  act: async ({ em }) => {
    await em.fork().transactional(async (tx) => {
      await tx.execute("insert into effect values (?)", [value]);
    });
    await more();
    return { value };
  },
  keep: (payload) => payload,
});
const refusing = (error: Error): Work => ({
  act: ({ em }) =>
    em.fork().transactional(async (tx) => {
      await tx.execute("insert into effect values ('refused')");
      throw error;
    }),
  keep: (payload) => payload,
});
const effects = async () =>
  (await database.sql("select value from effect order by value")).map((row) => row.value);
const keys = async () =>
  (await database.sql("select key from platform.idempotency_key order by key")).map(
    (row) => row.key,
  );

test("an effect whose answer cannot be kept does not stay, and is made when it is asked for again", async () => {
  const dying = making("a token", () => Promise.reject(new Error("planned")));
  await expect(ask("cut", dying)).rejects.toThrow("planned");
  expect(await effects()).toEqual([]);
  expect(await ask("cut", making("a token"))).toEqual({
    replayed: false,
    payload: { value: "a token" },
  });
  expect(await ask("cut", making("another"))).toEqual({
    replayed: true,
    kept: { value: "a token" },
  });
  expect(await effects()).toEqual(["a token"]);
});

test("requests that wait for their key in two processes hold no connections, and are answered as the first", async () => {
  const { promise: goOn, resolve } = Promise.withResolvers<void>();
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  const first = ask(
    "same",
    making("the one", () => {
      begin();
      return goOn;
    }),
  );
  await began;
  const rest = Array.from({ length: 50 }, (_, index) =>
    ask("same", making(`double ${index}`), {}, index % 2 === 0 ? database.orm : other),
  );
  // Ten connections are all that each process has.
  for (const key of ["k1", "k2", "k3"]) await ask(key, making(key));
  resolve();
  expect(await first).toMatchObject({ payload: { value: "the one" } });
  for (const each of await Promise.all(rest))
    expect(each).toEqual({ replayed: true, kept: { value: "the one" } });
  expect(await effects()).toEqual(["k1", "k2", "k3", "the one"]);
});

test("a request whose key is in use for too long is refused for now", async () => {
  const { promise: goOn, resolve } = Promise.withResolvers<void>();
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  const first = ask(
    "slow",
    making("slow", () => {
      begin();
      return goOn;
    }),
  );
  await began;
  vi.spyOn(performance, "now").mockReturnValueOnce(0).mockReturnValue(30_000);
  await expect(ask("slow", making("double"))).rejects.toMatchObject({
    code: "E_UNAVAILABLE",
    retryable: true,
  });
  vi.restoreAllMocks();
  resolve();
  expect(await first).toMatchObject({ replayed: false });
});

test("a final refusal is answered again with all that it says; one that may pass, or came before anything, is not", async () => {
  const message = "Db server 'x' exists";
  const nextAction = "Take another.";
  const issues = [{ path: ["name"], message: "taken", code: "E_DB_SERVER_EXISTS" }] as const;
  const final = new DomainError("E_DB_SERVER_EXISTS", { message, nextAction, issues });
  await expect(ask("final", refusing(final))).rejects.toBe(final);
  const again = await ask("final", making("later")).catch((error: unknown) => error);
  expect(again).toMatchObject({ code: final.code, message, nextAction, issues, retryable: false });
  const passing = ["E_RATE_LIMITED", "E_UNAVAILABLE"] as const;
  const early = ["E_VALIDATION", "E_FORBIDDEN", "E_UNAUTHENTICATED"] as const;
  for (const code of [...passing, ...early]) {
    await expect(ask(code, refusing(new DomainError(code)))).rejects.toMatchObject({ code });
    expect(await ask(code, making(code))).toMatchObject({ replayed: false });
  }
  expect(await effects()).toEqual([...passing, ...early].sort());
});

test("the order of an input's fields does not matter, its values do", async () => {
  await ask("order", making("one"), { a: 1, b: { c: 2, d: 3 } });
  expect(await ask("order", making("two"), { b: { d: 3, c: 2 }, a: 1 })).toMatchObject({
    replayed: true,
  });
  await expect(ask("order", making("two"), { a: 1, b: { c: 2, d: 4 } })).rejects.toMatchObject({
    code: "E_IDEMPOTENCY_KEY_REUSED",
  });
});

test("a key is free again after 30 days, and taken away with others", async () => {
  await ask("old", making("first"));
  await ask("older", making("unused"));
  time.pass(30 * DAY_S - 60);
  expect(await ask("old", making("second"))).toMatchObject({ replayed: true });
  time.pass(120);
  expect(await ask("old", making("second"), { another: "input" })).toMatchObject({
    replayed: false,
  });
  expect(await keys()).toEqual(["old"]);
  expect(await ask("old", making("third"), { another: "input" })).toMatchObject({ replayed: true });
});

test("what is kept cannot be read with another key, nor as another's", async () => {
  await ask("mine", making("a secret"));
  const strange = { orm: database.orm, clock: time.now, sealingKey: randomBytes(32) };
  const request = { actor, mutation: "makeSomething", key: "mine", input: {} };
  await expect(once(strange, request, making("x"))).rejects.toMatchObject({
    code: "E_SECRET_STORE",
    retryable: false,
  });
  await database.sql("update platform.idempotency_key set actor_id = 'bob'");
  const bob = { ...request, actor: { kind: "USER", id: "bob" } as const };
  await expect(once({ ...strange, sealingKey }, bob, making("x"))).rejects.toMatchObject({
    code: "E_SECRET_STORE",
  });
});
