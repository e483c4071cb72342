import pg from "pg";
import { describe, expect, test } from "vitest";
import {
  codeOf,
  FAULTS,
  type Fault,
  faultOf,
  faultOrRefusalOf,
  inPart,
  isTransient,
  PLATFORM,
  sqlStateOf,
  within,
} from "../../src/database/faults.ts";
import { DomainError } from "../../src/kernel/domain-error.ts";
import { ERROR_CODES } from "../../src/kernel/error-codes.ts";
import { describeFailure } from "../../src/operations/engine/failure.ts";

const withCode = (code: string, message = "said by somebody") =>
  Object.assign(new Error(message), { code });
const whole = (code: string) => (code.length === 2 ? `${code}001` : code);

/** How drivers and libraries hand an error on. */
const WRAPPINGS: readonly (readonly [string, (error: Error) => unknown])[] = [
  ["as it is", (error) => error],
  ["in a chain of three", (cause) => new Error("b", { cause: new Error("a", { cause }) })],
  ["one of several addresses' errors", (error) => new AggregateError([new Error(""), error])],
  ["an error without a message", (cause) => new Error("", { cause })],
];

const TEXTS: Readonly<Record<string, string>> = {
  "Connection terminated unexpectedly": "LOST",
  "Client has encountered a connection error and is not queryable": "LOST",
  "Client was closed and is not queryable": "LOST",
  "Postgres connection has been discarded": "LOST",
  "Query read timeout": "LOST",
  "timeout expired": "AGAIN",
  "timeout exceeded when trying to connect": "AGAIN",
  "timeout exceeded when waiting for a connection": "AGAIN",
  "The server does not support SSL connections": "FINAL",
};

describe.each(WRAPPINGS)("%s", (_how, wrap) => {
  const rows = FAULTS.flatMap((fault) => fault.codes.map((code): [string, Fault] => [code, fault]));
  test.each(rows)("%s is found in the table", (code, { course, sentence }) => {
    const error = wrap(withCode(whole(code)));
    expect(faultOf(error)).toMatchObject({ course, sentence, code: whole(code) });
    expect(isTransient(error)).toBe(course !== "FINAL" && course !== "FENCED");
    expect(
      ERROR_CODES[codeOf(FAULTS.find((fault) => fault.codes.includes(code)) as Fault)],
    ).toBeDefined();
  });

  test.each(Object.entries(TEXTS))("%s is found by its text", (text, course) => {
    expect(faultOf(wrap(new Error(text)))).toMatchObject({ course, code: null });
  });
});

test("every text of the table has an example", () => {
  const patterns = FAULTS.flatMap(({ texts = [] }) => texts);
  const unseen = patterns.filter(
    (pattern) => !Object.keys(TEXTS).some((text) => pattern.test(text)),
  );
  expect(unseen.map(String)).toEqual([String(/^There was an error establishing an SSL/)]);
});

test("no code stands in the table twice", () => {
  const codes = FAULTS.flatMap((fault) => fault.codes);
  expect(codes).toEqual([...new Set(codes)]);
});

test.each(["EPIPE", "E2BIG", "EBUSY"])("%s is no SQLSTATE", (code) => {
  expect(sqlStateOf(withCode(code))).toBeUndefined();
});

test.each([
  ["an error of an error that is its own cause", circular()],
  ["nothing", undefined],
  ["a text", "57P01"],
  ["an error with a number as its code", Object.assign(new Error("x"), { code: 57 })],
])("%s is no known fault", (_what, error) => expect(faultOf(error)).toBeUndefined());

function circular(): Error {
  const error = new Error("round");
  error.cause = error;
  return error;
}

test("a domain error decides by itself whether it passes", () => {
  const cause = withCode("ECONNRESET");
  expect(isTransient(new DomainError("E_MIGRATIONS_FAILED", { cause }))).toBe(false);
  expect(isTransient(new DomainError("E_SECRET_STORE", { transient: true }))).toBe(true);
});

test("a pool without a free connection passes", async () => {
  const pool = new pg.Pool({ host: "192.0.2.1", connectionTimeoutMillis: 20, max: 1 });
  const error = await pool.connect().catch((thrown: unknown) => thrown);
  expect(faultOf(error)?.course).toMatch(/LOST|AGAIN/);
  await pool.end();
});

describe("what is told of a failed step", () => {
  const tried = { attempts: 6, forMs: 61_234 };

  test("names the part, the fault, what PostgreSQL said, and how long it was tried", () => {
    const error = inPart("Db server 'eu-1', database tenants", withCode("55P03", "lock timeout"));
    expect(describeFailure(error, "VERIFIED", tried)).toEqual({
      code: "E_UNAVAILABLE",
      phase: "VERIFIED",
      retryable: true,
      nextAction: "Look in pg_stat_activity for who holds it.",
      message:
        "Db server 'eu-1', database tenants: something that is needed is held by another session (55P03: lock timeout); tried 6 times within 61 s",
    });
  });

  test("names the part that failed, not the one whose work it was in the middle of", async () => {
    const lost = withCode("ECONNRESET");
    const error = await within("Db server 'eu-1', database tenants", () =>
      within(PLATFORM, () => Promise.reject(lost)),
    ).catch((thrown: unknown) => thrown);
    expect(describeFailure(error, null).message).toMatch(
      /^The platform database: the connection broke/,
    );
  });

  test("tells what a db server refused for good, whatever its code", () => {
    const error = inPart(
      "Db server 'eu-1', database tenants",
      withCode("42P01", 'relation "x" does not exist'),
    );
    expect(describeFailure(error, "VERIFIED")).toMatchObject({
      code: "E_DATABASE_REFUSED",
      message:
        "Db server 'eu-1', database tenants: PostgreSQL refused a statement (42P01: relation \"x\" does not exist)",
    });
  });

  test("keeps what is a fault of this program's own statements for the log", () => {
    const { code, message } = describeFailure(withCode("42601", "syntax error at secret"), null);
    expect([code, message]).toEqual(["E_INTERNAL", ERROR_CODES.E_INTERNAL.text]);
  });

  test("shows no secret", () => {
    const said = "invalid dsn postgres://a:hunter2hunter2@h/db, SCRAM-SHA-256$4096:abc$def:ghi";
    const error = inPart("Db server 'x', database y", withCode("XX000", said));
    const { message } = describeFailure(error, null, tried);
    expect(message).not.toMatch(/hunter2|4096/);
    expect(faultOrRefusalOf(error)?.said).not.toMatch(/hunter2|4096/);
  });
});
