import { authorize } from "../iam/grants.ts";
import { cleanupFailedTenants } from "../operations/cleanup-failed-tenants.ts";
import type { Operation } from "../operations/engine/operation.entity.ts";
import { confirm } from "./confirm.ts";
import { EXIT } from "./exit-codes.ts";
import { givenFields } from "./flag-values.ts";
import { seeAllThrough } from "./follow-operation.ts";
import { describeRefusal, publicError } from "./report-error.ts";
import { runOnPlatform, type Session } from "./session.ts";
import { operationJson, showResult } from "./show-result.ts";
import { noteMissingWorker } from "./start-operation.ts";
import type { TenantFlags } from "./tenant-acts.ts";

/** The flags of `tenant cleanup`. */
export interface CleanupFlags extends TenantFlags {
  readonly slug?: string;
  readonly dropSchema?: boolean;
}

/** `tenantry tenant cleanup`: clears away one failed tenant, or all of them. */
export async function cleanup(flags: CleanupFlags): Promise<never> {
  return await runOnPlatform(
    flags,
    async (session) => {
      const started = await start(session, flags);
      return started === null ? EXIT.failed : await seeAll(session, started, flags);
    },
    () => confirm(questionOf(flags), flags.yes),
  );
}

const questionOf = ({ slug, dropSchema }: CleanupFlags): string =>
  `Clear away ${slug === undefined ? "every tenant whose provisioning failed" : `tenant '${slug}'`}${dropSchema ? ", with schema, roles and secret" : ""}?`;

interface Starts {
  readonly operations: readonly Operation[];
  readonly refused: number;
}

/** Starts the cleanups and tells the refusals; null where nothing but refusals came of it. */
async function start(
  { platform, actor, out }: Session,
  { slug, dropSchema, idempotencyKey, json }: CleanupFlags,
): Promise<Starts | null> {
  authorize(actor, "tenant:operate");
  const request = givenFields({ slug, dropSchema });
  const starts = await cleanupFailedTenants(platform, actor, request, idempotencyKey ?? null);
  const operations = starts.flatMap((each) => ("operation" in each ? [each.operation] : []));
  if (json)
    for (const operation of operations)
      out.json({ type: "STARTED", replayed: false, operation: operationJson(operation) });
  const refusals = starts.flatMap((each) => ("error" in each ? [each] : []));
  for (const refusal of refusals) {
    if (json) out.json({ type: "ERROR", slug: refusal.slug, error: publicError(refusal.error) });
    else out.note(describeRefusal(out, refusal.error));
  }
  if (starts.length === 0 && !json) out.note("No tenant has failed.");
  return operations.length === 0 && refusals.length > 0
    ? null
    : { operations, refused: refusals.length };
}

async function seeAll(
  session: Session,
  { operations, refused }: Starts,
  { json = false, wait }: CleanupFlags,
): Promise<number> {
  const { out } = session;
  if (!wait) {
    if (operations.length > 0) await noteMissingWorker(session);
    return refused > 0 ? EXIT.failed : EXIT.ok;
  }
  const ended = await seeAllThrough(session, operations, { json });
  for (const operation of ended.operations) {
    if (json) out.json({ type: "RESULT", operation: operationJson(operation) });
    else showResult(out, operation);
  }
  if (ended.operations.every(({ state }) => state === "SUCCEEDED") && refused === 0) return EXIT.ok;
  return ended.interrupted ? EXIT.interrupted : EXIT.failed;
}
