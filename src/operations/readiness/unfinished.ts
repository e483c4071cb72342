import type { EntityManager } from "../../database/orm.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { OperationEntity } from "../engine/operation.entity.ts";

/**
 * Refuses a tenant whose provisioning has failed: nothing but provisioning brings its seeds, its first
 * admin and the mail to them, so that nothing else may make it look done.
 *
 * @throws DomainError E_TENANT_STATUS naming what takes the provisioning up again
 */
export async function refuseUnfinished(
  em: EntityManager,
  { id: subjectId, slug, status }: Tenant,
): Promise<void> {
  if (status !== "FAILED" && status !== "PROVISIONING") return;
  const newest = { orderBy: { id: "desc" } } as const;
  const provisioning = await em.findOne(OperationEntity, { subjectId, kind: "PROVISION" }, newest);
  if (provisioning === null || provisioning.state === "SUCCEEDED") return;
  const { id, error } = provisioning;
  const last = await em.findOneOrFail(OperationEntity, { subjectId }, newest);
  throw new DomainError("E_TENANT_STATUS", {
    message: `Tenant '${slug}' is ${status}: its provisioning ended with ${error?.code} (operation ${id})`,
    nextAction:
      last.id === id
        ? "Take its provisioning up with `retryOperation`, or ask for it anew with `provisionTenant`."
        : "Provision it again with `provisionTenant`.",
  });
}
