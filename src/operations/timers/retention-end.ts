import { type NotedLink, readHistory } from "../../audit/lost-history.ts";
import { record } from "../../audit/record.ts";
import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import type { OperationCatalog } from "../catalog.ts";
import type { Operation } from "../engine/operation.entity.ts";
import type { StartPorts } from "../engine/start-operation.ts";
import { isBusy, lockSubject, startFollowUp } from "../start/follow-up.ts";
import { secondsUntil } from "./database-clock.ts";
import { DAY_S, windowEnd } from "./retention-window.ts";

/** An operation that stands in the way ends before long. */
const BUSY_S = 60;

export interface RetentionPorts extends StartPorts {
  readonly history: { readonly newest: NotedLink | null };
  readonly operations: Pick<OperationCatalog, "purgeTenant">;
}

/** The platform itself, when it purges what its window has run out for. */
const PLATFORM: Actor = {
  kind: "SYSTEM",
  id: "retention",
  name: "end of the retention window",
  role: "ADMINISTRATOR",
  address: null,
};

/**
 * What the timer of an offboarding's window does, in the caller's transaction: starts the purge if
 * the tenant is still offboarded by that operation and its window has ended. It checks again a day
 * later, for a lock that was taken away and a purge that has failed, as long as there is something
 * to purge.
 */
export async function retentionEnded(
  ports: RetentionPorts,
  em: EntityManager,
  offboarding: Operation,
): Promise<void> {
  const tenant = await lockSubject(em, offboarding);
  if (tenant?.status !== "OFFBOARDED") return;
  const again = (seconds: number) => ports.queue.enqueueTimer(em, offboarding.id, seconds);
  const left = tenant.purgeAfter === null ? 0 : await secondsUntil(em, tenant.purgeAfter);
  if (left > 0) return await again(left);
  if (await isBusy(em, tenant)) return await again(BUSY_S);
  if (await isHistoryLost(em, ports.history.newest)) return await again(BUSY_S);
  await again(DAY_S);
  if (tenant.lockedAt === null) await startPurge(ports, em, offboarding);
  else await recordPostponed(em, tenant, offboarding, await windowEnd(em, 1));
}

/** Whether something was lost: the tenant may have been restored meanwhile. */
async function isHistoryLost(em: EntityManager, seen: NotedLink | null): Promise<boolean> {
  const { open, missing } = await readHistory(em, seen === null ? [] : [seen]);
  return open || missing;
}

/** Starts the purge: as whoever asked for it at once, or as the platform. */
async function startPurge(
  ports: RetentionPorts,
  em: EntityManager,
  { id, subjectName, input, actorKind, actorId, actorName }: Operation,
): Promise<void> {
  const asked = input.purge === true;
  const requester = { kind: actorKind as Actor["kind"], id: actorId, name: actorName };
  // Whoever asked was authorised when the offboarding began.
  const actor = asked ? { ...PLATFORM, ...requester } : PLATFORM;
  const reason = asked
    ? String(input.reason)
    : `the retention window of offboarding ${id} has ended`;
  const request = { slug: subjectName, immediately: false, reason };
  await startFollowUp(ports, em, actor, ports.operations.purgeTenant, request);
}

async function recordPostponed(
  em: EntityManager,
  { id, slug, lockReason }: Tenant,
  operation: Operation,
  lookAgainAt: Date,
): Promise<void> {
  record(em, PLATFORM, {
    type: "TENANT_PURGE_POSTPONED",
    tenant: { id, slug },
    operationId: operation.id,
    detail: {
      reason: `locked: ${lockReason ?? ""}`.slice(0, 500),
      lookAgainAt: lookAgainAt.toISOString(),
    },
  });
}
