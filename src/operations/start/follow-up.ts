import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { hashRequest } from "../../kernel/idempotency-key.ts";
import { lockTenantBySlug } from "../../tenants/registry.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import type { TenantInput } from "../define-operation.ts";
import { type Operation, OperationEntity } from "../engine/operation.entity.ts";
import type { OperationDefinition } from "../engine/phase.ts";
import { create, type StartPorts } from "../engine/start-operation.ts";

/**
 * The tenant of an operation that has left something for later, locked until the caller's
 * transaction ends; null where a later operation of the same kind has taken its place.
 */
export async function lockSubject(
  em: EntityManager,
  { id, kind, subjectId }: Operation,
): Promise<Tenant | null> {
  const known = subjectId === null ? null : await em.findOne(TenantEntity, { id: subjectId });
  if (!known) return null;
  const tenant = await lockTenantBySlug(em, known.slug, { id: known.id });
  const newest = await em.findOne(
    OperationEntity,
    { subjectId: known.id, kind, state: "SUCCEEDED" },
    { orderBy: { id: "desc" } },
  );
  return newest?.id === id ? tenant : null;
}

/** Whether an operation works on the tenant. */
export const isBusy = async (em: EntityManager, { id }: Tenant): Promise<boolean> =>
  (await em.count(OperationEntity, { subjectId: id, finishedAt: null })) > 0;

/** Starts an operation that follows from another change, in the caller's transaction. */
export async function startFollowUp<Input extends TenantInput, Facts>(
  ports: StartPorts,
  em: EntityManager,
  actor: Actor,
  operation: OperationDefinition<Input, Facts>,
  request: Input,
): Promise<Operation> {
  return await create(ports, em, actor, operation, request, {
    dryRun: false,
    idempotencyKey: null,
    retry: null,
    requestHash: hashRequest({ input: request, dryRun: false }),
  });
}
