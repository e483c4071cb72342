import { expect, test } from "vitest";
import type { ShownOperation } from "../../src/cli/operation/operations.ts";
import { showResult } from "../../src/cli/operation/show-result.ts";
import type { Output } from "../../src/cli/terminal/output.ts";
import { ERROR_CODES, type ErrorCode } from "../../src/kernel/error-codes.ts";

async function told(operation: Partial<ShownOperation>): Promise<string> {
  const lines: string[] = [];
  const line = (text = "") => void lines.push(text);
  const style = (_style: string, text: string) => text;
  const now = new Date().toISOString();
  const at = { createdAt: now, startedAt: now, finishedAt: now };
  const shown = { id: "42", kind: "MIGRATE", slug: "acme", state: "FAILED", ...at };
  await showResult({ line, note: line, style } as unknown as Output, {
    ...({ ...shown, dryRun: false, result: null, error: null } as unknown as ShownOperation),
    ...operation,
  });
  return lines.join("\n");
}

const failed = (code: ErrorCode, retryable: boolean, nextAction = ERROR_CODES[code].nextAction) =>
  told({
    error: { code, message: "why", phase: null, retryable, nextAction, migration: null },
  });

test("a retry is offered where it can pass, by itself or when something was mended", async () => {
  const again = "Again: tenantry operation retry 42";
  expect(await failed("E_UNAVAILABLE", true)).toContain(again);
  expect(await failed("E_MIGRATION_UNSAFE", false)).toContain(again);
  expect(await failed("E_MIGRATIONS_FAILED", false)).toContain(again);
  for (const code of ["E_LABORATORY_EXISTS", "E_UNSUPPORTED", "E_VALIDATION"] as const)
    expect(await failed(code, false)).not.toContain("Again:");
  expect(await failed("E_MIGRATION_UNSAFE", false, "Use `provisionTenant`.")).toMatch(
    /Next: Use `tenantry tenant provision`\.$/,
  );
});

test("a dry run says whether there is anything to do", async () => {
  const dry = { state: "SUCCEEDED", dryRun: true } as const;
  expect(
    await told({
      ...dry,
      result: {
        __typename: "MigrationResult",
        applied: [],
        version: "0001",
        pending: [],
        activated: false,
        checks: [],
      },
    }),
  ).toContain("'acme' has every migration: nothing would be changed");
  expect(
    await told({
      ...dry,
      result: {
        __typename: "MigrationResult",
        applied: [],
        version: "0001",
        pending: ["0002"],
        activated: false,
        checks: [],
      },
    }),
  ).toContain("'acme' would be changed by MIGRATE; nothing was written");
});
