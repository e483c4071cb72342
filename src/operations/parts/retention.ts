import { record } from "../../audit/record.ts";
import { serialise } from "../../database/locks.ts";
import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { lockTenant } from "../../tenants/registry.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { type Operation, OperationEntity } from "../engine/operation.entity.ts";
import { create, hashRequest, type StartPorts } from "../engine/start-operation.ts";
import type { purgeTenant } from "../purge-tenant.ts";

/** The longest window: ten years. */
export const MAX_RETENTION_DAYS = 3650;

const DAY_S = 86_400;
/** An operation that stands in the way ends before long. */
const BUSY_S = 60;

interface RetentionPorts extends StartPorts {
  readonly operations: { readonly purgeTenant: ReturnType<typeof purgeTenant> };
}

/** The platform itself, when it purges what its window has run out for. */
const PLATFORM: Actor = {
  kind: "SYSTEM",
  id: "retention",
  name: "end of the retention window",
  role: "ADMINISTRATOR",
  address: null,
};

/** The end of a window that begins now, by the database's clock, which decides about it later too. */
export async function windowEnd(em: EntityManager, days: number): Promise<Date> {
  const rows = await em.execute<{ at: string }[]>(
    "select (extract(epoch from now()) * 1000)::bigint::text as at",
  );
  return new Date(Number(rows[0]?.at) + days * DAY_S * 1000);
}

/** How many seconds are left until then, by the database's clock; below 0 when it has passed. */
async function secondsUntil(em: EntityManager, at: Date): Promise<number> {
  const rows = await em.execute<{ left: string }[]>(
    "select extract(epoch from ?::timestamptz - now())::text as left",
    [at.toISOString()],
  );
  return Number(rows[0]?.left);
}

/**
 * Refuses a tenant whose retention window runs, or has not begun.
 *
 * @throws DomainError E_RETENTION_RUNNING
 */
export async function refuseRunningWindow(em: EntityManager, tenant: Tenant): Promise<void> {
  const { slug, purgeAfter } = tenant;
  if (purgeAfter !== null && (await secondsUntil(em, purgeAfter)) <= 0) return;
  throw new DomainError("E_RETENTION_RUNNING", {
    message:
      purgeAfter === null
        ? `Tenant '${slug}' is not offboarded: its retention window has not begun`
        : `The retention window of tenant '${slug}' ends at ${purgeAfter.toISOString()}`,
  });
}

/** Sets the timer of an offboarding's window, in the caller's transaction. */
export async function setTimer(
  { queue }: Pick<StartPorts, "queue">,
  em: EntityManager,
  offboarding: string,
  purgeAfter: Date,
): Promise<void> {
  await queue.enqueueTimer(em, offboarding, await secondsUntil(em, purgeAfter));
}

/**
 * What the timer of an offboarding's window does, in the caller's transaction: starts the purge if
 * the tenant is still offboarded by that operation and its window has ended. It looks again a day
 * later, for a lock that was taken away and a purge that has failed, as long as there is something
 * to purge.
 */
export async function retentionEnded(
  ports: RetentionPorts,
  em: EntityManager,
  offboarding: string,
): Promise<void> {
  const operation = await em.findOne(OperationEntity, { id: offboarding });
  const tenant = operation && (await holdOffboarded(em, operation));
  if (!operation || !tenant) return;
  const again = (seconds: number) => ports.queue.enqueueTimer(em, offboarding, seconds);
  const left = tenant.purgeAfter === null ? 0 : await secondsUntil(em, tenant.purgeAfter);
  if (left > 0) return await again(left);
  const busy = await em.findOne(OperationEntity, { subjectId: tenant.id, finishedAt: null });
  if (busy) return await again(BUSY_S);
  await again(DAY_S);
  if (tenant.lockedAt === null) await startPurge(ports, em, operation);
  else await recordPostponed(em, tenant, operation, await windowEnd(em, 1));
}

/** The tenant, locked, while it is in the window that this operation began. */
async function holdOffboarded(
  em: EntityManager,
  { id, subjectId }: Operation,
): Promise<Tenant | null> {
  const known = subjectId === null ? null : await em.findOne(TenantEntity, { id: subjectId });
  if (!known) return null;
  // In the order in which every operation begins: the name, then the row.
  await serialise(em, `tenant:${known.slug}`);
  const tenant = await lockTenant(em, { id: known.id });
  if (tenant?.status !== "OFFBOARDED") return null;
  const newest = await em.findOne(
    OperationEntity,
    { subjectId: tenant.id, kind: "OFFBOARD", state: "SUCCEEDED" },
    { orderBy: { id: "desc" } },
  );
  return newest?.id === id ? tenant : null;
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
  await create(ports, em, actor, ports.operations.purgeTenant, request, {
    dryRun: false,
    idempotencyKey: null,
    requestHash: hashRequest(request, false),
    retry: null,
  });
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
