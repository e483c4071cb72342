import { ERROR_CODES } from "../../kernel/error-codes.ts";
import type { OperationError } from "../../operations/engine/operation.entity.ts";
import type { ShownOperation } from "../backend.ts";
import { formatDuration } from "../terminal/duration.ts";
import type { Output } from "../terminal/output.ts";
import { describeFailure, operationError } from "../terminal/report-error.ts";
import { writeFields } from "../terminal/table.ts";
import { resultFields } from "./result-fields.ts";

/**
 * Writes how an operation ended: its result, or the failure with what to do about it.
 *
 * @param more what is to be told beside the operation's own result
 */
export function showResult(
  out: Output,
  operation: ShownOperation,
  more: readonly [string, string][] = [],
): void {
  const { state, error, kind, subjectName } = operation;
  if (operation.finishedAt === null) return;
  out.line();
  if (state === "SUCCEEDED") {
    out.line(`${out.style("green", "✔")} ${out.style("bold", titleOf(operation))}`);
    tell(out, [...resultFields(operation), ...more]);
    return;
  }
  tell(out, resultFields(operation));
  if (state === "CANCELLED")
    out.line(`${out.style("yellow", "↶")} ${kind} of '${subjectName}' was cancelled`);
  else if (error) out.note(describeFailure(out, error));
  if (error && !operation.dryRun && canPassAgain(error))
    out.note(`  Again: tenantry operation retry ${operation.id}`);
}

/** Whether a retry can help: by itself, or when what the next action says was done. */
const canPassAgain = ({ code, retryable, nextAction }: OperationError): boolean =>
  retryable || (nextAction ?? ERROR_CODES[code].nextAction).includes("`retryOperation`");

function tell(out: Output, fields: readonly [string, string][]): void {
  if (fields.length > 0) writeFields(out, fields);
}

function titleOf(operation: ShownOperation): string {
  const { kind, subjectName, dryRun, startedAt, finishedAt, result } = operation;
  if (dryRun) {
    const pending = kind === "MIGRATE" ? result?.pending : null;
    if (Array.isArray(pending) && pending.length === 0)
      return `'${subjectName}' has every migration: nothing would be changed`;
    const can = kind === "PROVISION" ? "can be provisioned" : `would be changed by ${kind}`;
    return `'${subjectName}' ${can}; nothing was written`;
  }
  const ms = (finishedAt?.getTime() ?? 0) - ((startedAt ?? finishedAt)?.getTime() ?? 0);
  return `${kind} of '${subjectName}' is done after ${formatDuration(ms)}`;
}

/** The line that tells scripts of an operation that was started. */
export const startedJson = (operation: ShownOperation, replayed = false) => ({
  type: "STARTED",
  replayed,
  operation: operationJson(operation),
});

/** An operation as scripts read it. */
export function operationJson(operation: ShownOperation) {
  const { id, kind, state, subjectId, subjectName, dryRun, result, retryOf } = operation;
  const { actorKind, actorId, actorName, createdAt, startedAt, finishedAt } = operation;
  return {
    ...{ id, kind, state, dryRun, tenantId: subjectId, slug: subjectName, retryOf },
    requestedBy: { kind: actorKind, id: actorId, name: actorName },
    ...{ createdAt, startedAt, finishedAt, error: operationError(operation.error), result },
  };
}
