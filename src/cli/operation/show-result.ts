import type { Labelled } from "../../kernel/labelled.ts";
import type { OperationDescription } from "../../operations/define-operation.ts";
import { formatDuration } from "../terminal/duration.ts";
import type { Output } from "../terminal/output.ts";
import { describeFailure, operationError } from "../terminal/report-error.ts";
import { writeFields } from "../terminal/table.ts";
import type { ShownOperation } from "./operations.ts";

/** The pages of operations, which say how their results are shown; commands that start none do without. */
const pages = async () => Object.values((await import("../../operations/catalog.ts")).OPERATIONS);

/** An operation's page; undefined for a kind that this version does not know. */
async function pageOf(kind: string): Promise<OperationDescription<never> | undefined> {
  return (await pages()).find((page) => page.kind === kind) as never;
}

/** What came of an ended operation, in words; of one that failed, as far as it is known. */
export async function resultShown({
  kind,
  result,
  ...operation
}: Pick<ShownOperation, "kind" | "dryRun" | "finishedAt"> & {
  readonly result: object | null;
}): Promise<Labelled> {
  if (result === null) return [];
  return (await pageOf(kind))?.shows?.(result as never, operation) ?? [];
}

/** What the platform starts by itself right behind an ended operation; null where nothing. */
export async function followedBy(operation: ShownOperation) {
  const { kind, state, dryRun, result } = operation;
  if (state !== "SUCCEEDED" || dryRun || result === null) return null;
  const next = (await pageOf(kind))?.followedBy;
  return next?.when(result as never, operation) ? next : null;
}

/**
 * Writes how an operation ended: its result, or the failure with what to do about it.
 *
 * @param more what is to be told beside the operation's own result
 */
export async function showResult(
  out: Output,
  operation: ShownOperation,
  more: Labelled = [],
): Promise<void> {
  const { state, error, kind, slug } = operation;
  if (operation.finishedAt === null) return;
  const shown = await resultShown(operation);
  out.line();
  if (state === "SUCCEEDED") {
    out.line(`${out.style("green", "✔")} ${out.style("bold", titleOf(operation))}`);
    tell(out, [...shown, ...more]);
    return;
  }
  tell(out, shown);
  if (state === "CANCELLED")
    out.line(`${out.style("yellow", "↶")} ${kind} of '${slug}' was cancelled`);
  else if (error) out.note(describeFailure(out, error));
  if (error && !operation.dryRun && canPassAgain(error))
    out.note(`  Again: tenantry operation retry ${operation.id}`);
}

type Failure = NonNullable<ShownOperation["error"]>;

/** Whether a retry can help: by itself, or when what the next action says was done. */
const canPassAgain = ({ retryable, nextAction }: Failure): boolean =>
  retryable || nextAction.includes("`retryOperation`");

function tell(out: Output, fields: Labelled): void {
  if (fields.length > 0) writeFields(out, fields);
}

function titleOf(operation: ShownOperation): string {
  const { kind, slug, dryRun, startedAt, finishedAt, result } = operation;
  if (dryRun) {
    if (result?.__typename === "MigrationResult" && result.pending.length === 0)
      return `'${slug}' has every migration: nothing would be changed`;
    const can = kind === "PROVISION" ? "can be provisioned" : `would be changed by ${kind}`;
    return `'${slug}' ${can}; nothing was written`;
  }
  const ms = durationOf(startedAt ?? finishedAt, finishedAt);
  return `${kind} of '${slug}' is done after ${formatDuration(ms)}`;
}

/** The milliseconds between two moments in ISO 8601. */
export const durationOf = (from: string | null, to: string | null): number =>
  from === null || to === null ? 0 : Date.parse(to) - Date.parse(from);

/** The line that tells scripts of an operation that was started. */
export const startedJson = (operation: ShownOperation, replayed = false) => ({
  type: "STARTED",
  replayed,
  operation: operationJson(operation),
});

/** An operation as scripts read it. */
export function operationJson({ tenant, done: _, ...operation }: ShownOperation) {
  const { id, kind, state, slug, dryRun, requestedBy, createdAt, startedAt, finishedAt } =
    operation;
  return {
    id,
    kind,
    state,
    dryRun,
    tenantId: tenant?.id ?? null,
    slug,
    retryOf: operation.retryOf?.id ?? null,
    requestedBy,
    createdAt,
    startedAt,
    finishedAt,
    error: operationError(operation.error),
    result: resultJson(operation.result),
  };
}

/** A result as scripts read it: those of provisioning stand below a word that tells them apart. */
function resultJson(row: ShownOperation["result"]) {
  if (row === null) return null;
  const { __typename: type, ...result } = row;
  if (type === "ProvisionPlan") return { plan: result };
  return type === "ProvisionSummary" ? { summary: result } : result;
}
