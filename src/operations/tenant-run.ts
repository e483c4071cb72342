import type { AuditEvent } from "../audit/events.ts";
import { record } from "../audit/record.ts";
import type { EntityManager } from "../database/orm.ts";
import type { Frozen } from "../kernel/described.ts";
import type { TenantStatus } from "../tenants/lifecycle.ts";
import { type Tenant, TenantEntity } from "../tenants/tenant.entity.ts";
import type { Phase, Run } from "./engine/phase.ts";
import { siteOfTenant, type TenantSite, tenantOf, tokenOf } from "./site/site.ts";
import type { TenantPorts } from "./tenant-ports.ts";

/** A fact about an operation on a tenant. */
type OperationFact = Extract<AuditEvent, { tenant: object; operationId: string }>;
type DetailOf<Type> = Frozen<Extract<OperationFact, { type: Type }>["detail"]>;

/** What the functions of an operation on a tenant are given: the engine's run, and its tenant. */
export interface TenantRun<Input, Facts, Place = TenantSite> extends Run<Input, Facts> {
  /**
   * The tenant's place, with the token that fences effects there.
   *
   * @throws DomainError E_DB_SERVER_NOT_FOUND for a tenant that is placed nowhere
   */
  site(): Promise<Place>;
  /**
   * The tenant's row, read in the transaction of `em` where one is given.
   *
   * @throws DomainError E_TENANT_NOT_FOUND
   */
  tenant(em?: EntityManager): Promise<Tenant>;
  /**
   * Changes the tenant's row in the caller's transaction.
   *
   * @param from the statuses in which it is changed; every one unless given
   * @returns whether it was changed
   */
  update(
    em: EntityManager,
    changes: Partial<Tenant>,
    from?: readonly TenantStatus[],
  ): Promise<boolean>;
  /** Records a fact about the operation in the caller's transaction, as done by the requester. */
  record<Type extends OperationFact["type"]>(
    em: EntityManager,
    type: Type,
    detail: DetailOf<Type>,
  ): void;
}

export type TenantPhase<Input, Facts> = Phase<Input, Facts, TenantRun<Input, Facts>>;

/** Adds to the engine's run what the functions of operations on tenants need. */
export function tenantRun<Input, Facts>(
  { orm, clock }: Pick<TenantPorts, "orm" | "clock">,
  run: Run<Input, Facts>,
): TenantRun<Input, Facts> {
  const { requester, operationId, subjectId, subjectName } = run;
  return {
    ...run,
    site: async () => {
      const em = orm.em.fork();
      return await siteOfTenant(em, await tenantOf(em, run), tokenOf(run));
    },
    tenant: (em = orm.em.fork()) => tenantOf(em, run),
    update: async (em, changes, from) => {
      const where = { id: tenantIdOf(run), ...(from ? { status: { $in: [...from] } } : {}) };
      const changed = { ...changes, updatedAt: clock() };
      return (await em.nativeUpdate(TenantEntity, where, changed)) === 1;
    },
    record: (em, type, detail) => {
      const tenant = { id: subjectId, slug: subjectName };
      const fact = { type, tenant, operationId, detail } as Frozen<OperationFact>;
      record(em, { ...requester, address: null }, fact);
    },
  };
}

/** The id of a run's tenant: there is one in every run but a dry one. */
export function tenantIdOf({ subjectId }: Pick<Run<unknown, unknown>, "subjectId">): string {
  if (subjectId === null) throw new Error("A dry run has no tenant");
  return subjectId;
}
