import { z } from "zod";
import { record } from "../audit/record.ts";
import { AuditedRefusal } from "../audit/refusal.ts";
import type { Orm } from "../database/orm.ts";
import type { Actor } from "../iam/actor.ts";
import type { Clock } from "../kernel/clock.ts";
import { parseInput, reasonField } from "../kernel/input.ts";
import type { TenantAct } from "../tenants/lifecycle.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { withTenantLocked } from "../tenants/registry.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { workersSeen } from "./engine/liveness.ts";
import { OperationEntity } from "./engine/operation.entity.ts";
import { OperationInProgress } from "./engine/start-operation.ts";

// A legal hold on a tenant; the API, the command and the audit trail call it a lock.

interface HoldPorts {
  readonly orm: Orm;
  readonly clock: Clock;
}

export const HoldInput = z
  .strictObject({
    ...namedTenant,
    reason: reasonField.describe("Why, 1 to 500 characters; shown to whoever tries to delete it."),
  })
  .describe("The tenant to lock.");
export const ReleaseInput = z.strictObject(namedTenant).describe("The tenant to unlock.");

/** What is refused while a tenant is held, and what a hold must not come between. */
export const REFUSED_WHILE_HELD: readonly TenantAct[] = ["OFFBOARD", "PURGE", "CLEANUP"];

/**
 * Holds a tenant: refuses to offboard, purge and clean it up, by the platform itself, too. A second hold
 * replaces the reason.
 *
 * @param request `{ slug, reason }`
 * @throws DomainError E_VALIDATION, E_TENANT_NOT_FOUND; E_OPERATION_IN_PROGRESS while
 *   it is being deleted, when a hold would promise what it cannot keep
 */
export async function placeHold(ports: HoldPorts, actor: Actor, request: unknown): Promise<Tenant> {
  const { reason, ...named } = parseInput(HoldInput, request);
  return await withTenantLocked(ports.orm, named, async (em, tenant) => {
    const deleting = await em.findOne(OperationEntity, {
      subjectId: tenant.id,
      finishedAt: null,
      kind: { $in: REFUSED_WHILE_HELD },
    });
    if (deleting) throw new OperationInProgress(deleting, await workersSeen(em));
    const now = ports.clock();
    tenant.lockedAt ??= now;
    tenant.lockReason = reason;
    tenant.updatedAt = now;
    record(em, actor, {
      type: "TENANT_LOCKED",
      tenant: { id: tenant.id, slug: tenant.slug },
      detail: { reason },
    });
    return tenant;
  });
}

/**
 * Releases a tenant's hold; one that is not held stays as it is.
 *
 * @param request `{ slug }`
 * @throws DomainError E_VALIDATION, E_TENANT_NOT_FOUND
 */
export async function releaseHold(
  ports: HoldPorts,
  actor: Actor,
  request: unknown,
): Promise<Tenant> {
  const named = parseInput(ReleaseInput, request);
  return await withTenantLocked(ports.orm, named, async (em, tenant) => {
    if (tenant.lockedAt === null) return tenant;
    const { id, slug } = tenant;
    tenant.lockedAt = null;
    tenant.lockReason = null;
    tenant.updatedAt = ports.clock();
    record(em, actor, { type: "TENANT_UNLOCKED", tenant: { id, slug }, detail: {} });
    return tenant;
  });
}

/**
 * Lets a tenant pass that may be deleted.
 *
 * @param kind the operation that would delete it
 * @throws AuditedRefusal E_TENANT_LOCKED with the reason of its hold
 */
export function refuseHeld(
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
