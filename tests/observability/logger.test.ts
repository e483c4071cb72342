import { expect, test } from "vitest";
import { DomainError } from "../../src/kernel/domain-error.ts";
import { openLogger } from "../../src/observability/logger.ts";

const wrote = (format: "json" | "pretty", err: unknown): string => {
  const lines: string[] = [];
  const log = openLogger("info", format, { write: (line) => lines.push(line) });
  log.warn({ err, operationId: "42", password: "hunter2" }, "operation ended");
  expect(lines).toHaveLength(1);
  return lines[0] ?? "";
};

const expected = new DomainError("E_MIGRATIONS_FAILED", {
  message: "0004.sql line 3: syntax error",
  cause: Object.assign(new Error("syntax error"), { code: "42601" }),
});

test("an expected failure is told without stacks, what the server said behind it included", () => {
  const { err } = JSON.parse(wrote("json", expected));
  expect(err).toEqual({
    type: "DomainError",
    code: "E_MIGRATIONS_FAILED",
    detail: {},
    message: "0004.sql line 3: syntax error",
    cause: { type: "Error", code: "42601", message: "syntax error" },
  });
});

test("a bug has its stack, also behind an expected failure", () => {
  expect(JSON.parse(wrote("json", new TypeError("x"))).err.stack).toContain("logger.test.ts");
  const behind = new DomainError("E_SECRET_STORE", { cause: new TypeError("x") });
  expect(JSON.parse(wrote("json", behind)).err.cause.stack).toContain("logger.test.ts");
});

test("for people it is a line, with the failure and its causes below", () => {
  expect(wrote("pretty", expected)).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}operation ended operationId=42 password=\*\*\*\n {2}DomainError E_MIGRATIONS_FAILED: 0004.sql line 3: syntax error\n {4}Error 42601: syntax error\n$/,
  );
});
