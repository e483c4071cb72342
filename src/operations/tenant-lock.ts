import { z } from "zod";
import { record } from "../audit/record.ts";
import { AuditedRefusal } from "../audit/refusal.ts";
import { serialise } from "../database/locks.ts";
import type { EntityManager, Orm } from "../database/orm.ts";
import type { Actor } from "../iam/actor.ts";
import type { Clock } from "../kernel/clock.ts";
import { parseInput, reasonField } from "../kernel/input.ts";
import type { TenantAct } from "../tenants/lifecycle.ts";
import { lockTenant as holdTenant, tenantNotFound } from "../tenants/registry.ts";
import { slugField } from "../tenants/slug.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { workersSeen } from "./engine/liveness.ts";
import { OperationEntity } from "./engine/operation.entity.ts";
import { OperationInProgress } from "./engine/start-operation.ts";

interface LockPorts {
  readonly orm: Orm;
  readonly clock: Clock;
}

export const LockInput = z
  .strictObject({
    slug: slugField,
    reason: reasonField.describe("Why, 1 to 500 characters; shown to whoever tries to delete it."),
  })
  .describe("The tenant to lock.");
export const UnlockInput = z.strictObject({ slug: slugField }).describe("The tenant to unlock.");

/** What is refused while a tenant is locked, and what a lock must not come between. */
export const REFUSED_WHILE_LOCKED: readonly TenantAct[] = ["OFFBOARD", "PURGE", "CLEANUP"];

/**
 * Locks a tenant against offboarding, purging and cleaning up, the platform's own purge included.
 * Locking a locked tenant replaces the reason.
 *
 * @param request `{ slug, reason }`
 * @throws DomainError E_VALIDATION, E_TENANT_NOT_FOUND; E_OPERATION_IN_PROGRESS while
 *   it is being deleted, when a lock would promise what it cannot keep
 */
export async function lockTenant(
  ports: LockPorts,
  actor: Actor,
  request: unknown,
): Promise<Tenant> {
  const { slug, reason } = parseInput(LockInput, request);
  return await onHeldTenant(ports.orm, slug, async (em, tenant) => {
    const deleting = await em.findOne(OperationEntity, {
      ...{ subjectId: tenant.id, finishedAt: null, kind: { $in: REFUSED_WHILE_LOCKED } },
    });
    if (deleting) throw new OperationInProgress(deleting, await workersSeen(em));
    const now = ports.clock();
    tenant.lockedAt ??= now;
    tenant.lockReason = reason;
    tenant.updatedAt = now;
    record(em, actor, {
      type: "TENANT_LOCKED",
      tenant: { id: tenant.id, slug },
      detail: { reason },
    });
  });
}

/**
 * Takes a tenant's lock away; one that is not locked stays as it is.
 *
 * @param request `{ slug }`
 * @throws DomainError E_VALIDATION, E_TENANT_NOT_FOUND
 */
export async function unlockTenant(
  ports: LockPorts,
  actor: Actor,
  request: unknown,
): Promise<Tenant> {
  const { slug } = parseInput(UnlockInput, request);
  return await onHeldTenant(ports.orm, slug, async (em, tenant) => {
    if (tenant.lockedAt === null) return;
    tenant.lockedAt = null;
    tenant.lockReason = null;
    tenant.updatedAt = ports.clock();
    record(em, actor, { type: "TENANT_UNLOCKED", tenant: { id: tenant.id, slug }, detail: {} });
  });
}

/** Works on a tenant that no operation starts on meanwhile; answers it as it stands then. */
async function onHeldTenant(
  orm: Orm,
  slug: string,
  work: (em: EntityManager, tenant: Tenant) => Promise<void>,
): Promise<Tenant> {
  return await orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    await serialise(em, `tenant:${slug}`);
    const tenant = await holdTenant(em, { slug });
    if (!tenant) throw tenantNotFound(slug);
    await work(em, tenant);
    return tenant;
  });
}

/**
 * Lets a tenant pass that may be deleted.
 *
 * @param kind the operation that would delete it
 * @throws AuditedRefusal E_TENANT_LOCKED with the lock's reason
 */
export function refuseLocked(
  actor: Actor,
  kind: TenantAct,
  { id, slug, lockedAt, lockReason }: Tenant,
): void {
  if (lockedAt === null) return;
  throw new AuditedRefusal("E_TENANT_LOCKED", {
    actor,
    fact: { type: "TENANT_DELETION_REFUSED", tenant: { id, slug }, detail: { kind } },
    message: `Tenant '${slug}' is locked against deletion: ${lockReason}`,
  });
}
