import { z } from "zod";
import type { Operation } from "../operations/engine/operation.entity.ts";
import { formatDuration } from "./duration.ts";
import type { Output } from "./output.ts";
import { describeFailure } from "./report-error.ts";
import { writeFields } from "./table.ts";

const Summary = z.object({
  tenantId: z.string(),
  dbServer: z.string(),
  database: z.string(),
  schema: z.string(),
  tables: z.number(),
  migrationsApplied: z.number(),
  schemaVersion: z.string().nullable(),
  seedRows: z.array(z.object({ set: z.string(), rows: z.number() })),
  roleLogin: z.boolean(),
});
type Summary = z.infer<typeof Summary>;

const Plan = z.object({
  dbServer: z.string(),
  isolation: z.string(),
  database: z.string(),
  schema: z.string(),
  ownerRole: z.string(),
  appRole: z.string(),
  secretName: z.string(),
  migrations: z.array(z.string()),
  seedSets: z.array(z.string()),
});
type Plan = z.infer<typeof Plan>;

const Result = z.object({ summary: Summary.optional(), plan: Plan.optional() });

/**
 * Writes how an operation ended: its summary or plan, or the failure with what to do about it.
 *
 * @param more what the summary is to tell beside the operation's own result
 */
export function showResult(
  out: Output,
  operation: Operation,
  more: readonly [string, string][] = [],
): void {
  const { state, error, result, startedAt, finishedAt, subjectName } = operation;
  if (finishedAt === null) return;
  const took = formatDuration(finishedAt.getTime() - (startedAt ?? finishedAt).getTime());
  out.line();
  if (state !== "SUCCEEDED") {
    if (state === "CANCELLED")
      out.line(`${out.style("yellow", "↶")} ${operation.kind} of '${subjectName}' was cancelled`);
    else if (error) out.note(describeFailure(out, error));
    if (error && !operation.dryRun) out.note(`  Again: tenantry operation retry ${operation.id}`);
    return;
  }
  const { summary, plan } = Result.parse(result ?? {});
  const what = plan ? "can be provisioned; nothing was written" : `is done after ${took}`;
  const title = plan ? `'${subjectName}' ${what}` : `${operation.kind} of '${subjectName}' ${what}`;
  out.line(`${out.style("green", "✔")} ${out.style("bold", title)}`);
  if (summary) writeFields(out, [...summaryFields(summary), ...more]);
  if (plan) writeFields(out, planFields(plan));
}

/** What a provisioned tenant consists of, in words. */
export function summaryFields(summary: Summary): [string, string][] {
  const seeds = summary.seedRows.map(({ set, rows }) => `${set} ${rows} rows`);
  return [
    ["tenant id", summary.tenantId],
    ["placed on", `${summary.dbServer}, database ${summary.database}, schema ${summary.schema}`],
    ["tables", String(summary.tables)],
    [
      "migrations",
      `${summary.migrationsApplied} applied, up to ${summary.schemaVersion ?? "none"}`,
    ],
    ["seeds", seeds.join(", ") || "none"],
    ["role login", summary.roleLogin ? "works" : "does not work"],
  ];
}

const planFields = (plan: Plan): [string, string][] => [
  ["placed on", `${plan.dbServer}, isolation ${plan.isolation}`],
  ["database", plan.database],
  ["schema", plan.schema],
  ["roles", `${plan.ownerRole} (owner, no login), ${plan.appRole} (application)`],
  ["secret", plan.secretName],
  [
    "migrations",
    plan.migrations.length === 0
      ? "none"
      : `${plan.migrations.length}, ${plan.migrations.at(0)} to ${plan.migrations.at(-1)}`,
  ],
  ["seeds", plan.seedSets.join(", ") || "none"],
];

/** An operation as scripts read it. */
export function operationJson(operation: Operation) {
  const { id, kind, state, subjectId, subjectName, dryRun, result, error, retryOf } = operation;
  const { actorKind, actorId, actorName, createdAt, startedAt, finishedAt } = operation;
  return {
    ...{ id, kind, state, dryRun, tenantId: subjectId, slug: subjectName, retryOf },
    requestedBy: { kind: actorKind, id: actorId, name: actorName },
    ...{ createdAt, startedAt, finishedAt, error, result },
  };
}
