import { expect, test } from "vitest";
import type { ShownOperation } from "../../src/cli/backend.ts";
import { showResult } from "../../src/cli/operation/show-result.ts";
import type { Output } from "../../src/cli/terminal/output.ts";
import type { ErrorCode } from "../../src/kernel/error-codes.ts";

function told(operation: Partial<ShownOperation>): string {
  const lines: string[] = [];
  const line = (text = "") => void lines.push(text);
  const style = (_style: string, text: string) => text;
  const at = { createdAt: new Date(), startedAt: new Date(), finishedAt: new Date() };
  const shown = { id: "42", kind: "MIGRATE", subjectName: "acme", state: "FAILED", ...at };
  showResult({ line, note: line, style } as unknown as Output, {
    ...({ ...shown, dryRun: false, result: null, error: null } as ShownOperation),
    ...operation,
  });
  return lines.join("\n");
}

const failed = (code: ErrorCode, retryable: boolean, nextAction?: string) =>
  told({
    error: { code, message: "why", phase: null, retryable, ...(nextAction && { nextAction }) },
  });

test("a retry is offered where it can pass, by itself or when something was mended", () => {
  const again = "Again: tenantry operation retry 42";
  expect(failed("E_UNAVAILABLE", true)).toContain(again);
  expect(failed("E_MIGRATION_UNSAFE", false)).toContain(again);
  expect(failed("E_MIGRATIONS_FAILED", false)).toContain(again);
  for (const code of ["E_LABORATORY_EXISTS", "E_UNSUPPORTED", "E_VALIDATION"] as const)
    expect(failed(code, false)).not.toContain("Again:");
  expect(failed("E_MIGRATION_UNSAFE", false, "Use `provisionTenant`.")).toMatch(
    /Next: Use `tenantry tenant provision`\.$/,
  );
});

test("a dry run says whether there is anything to do", () => {
  const dry = { state: "SUCCEEDED", dryRun: true } as const;
  expect(
    told({ ...dry, result: { version: "0001", pending: [], activated: false, checks: [] } }),
  ).toContain("'acme' has every migration: nothing would be changed");
  expect(
    told({ ...dry, result: { version: "0001", pending: ["0002"], activated: false, checks: [] } }),
  ).toContain("'acme' would be changed by MIGRATE; nothing was written");
});
