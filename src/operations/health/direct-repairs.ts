import { record } from "../../audit/record.ts";
import { serialise } from "../../database/locks.ts";
import type { EntityManager, Orm } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { openRolesOf } from "../../tenants/open-roles.ts";
import { lockTenant } from "../../tenants/registry.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { OperationEntity } from "../engine/operation.entity.ts";
import { endSessions, setLogins } from "../parts/tenant-login.ts";
import { siteOfTenant } from "../parts/tenant-site.ts";
import { mayLogIn } from "./diagnose.ts";
import type { FindingCode, Repair } from "./finding.ts";
import { withServers } from "./look.ts";
import type { RepairPorts } from "./ports.ts";

interface Deed {
  readonly tenantId: string;
  readonly slug: string;
  readonly finding: FindingCode;
}

/**
 * Sets the logins of the app roles as the registry says, and ends the sessions of a tenant that may
 * not log in.
 *
 * @returns false where an operation works on the tenant by now
 */
export async function setLogin(ports: RepairPorts, actor: Actor, deed: Deed): Promise<boolean> {
  return await withServers(ports.secrets, async (servers) => {
    const set = async (em: EntityManager, tenant: Tenant) => {
      const open = mayLogIn(tenant.status);
      if (open === null) return null;
      const site = await siteOfTenant(em, tenant);
      await setLogins({ servers }, site, open ? openRolesOf(tenant) : []);
      return { site, open };
    };
    const done = await onQuietTenant(ports.orm, actor, deed, "SET_LOGIN", set);
    // After the commit: waiting for clients must not hold the tenant's row.
    if (done?.open === false) await endSessions({ servers }, done.site);
    return done !== null;
  });
}

/**
 * Gives a tenant that nothing provisions any more the status FAILED, as its provisioning would have
 * done at its end: it can be provisioned again or cleaned up then.
 *
 * @returns false where it is not PROVISIONING, or provisioned again by now
 */
export async function markFailed(ports: RepairPorts, actor: Actor, deed: Deed): Promise<boolean> {
  const mark = async (em: EntityManager, { id, slug, status }: Tenant) => {
    if (status !== "PROVISIONING") return null;
    const last = await em.findOne(
      OperationEntity,
      { subjectId: id, error: { $ne: null } },
      { orderBy: { id: "desc" } },
    );
    const failure = {
      failureCode: last?.error?.code ?? "E_INTERNAL",
      failureMessage:
        last?.error?.message ?? `The provisioning of '${slug}' ended without a result`,
    };
    const updatedAt = ports.clock();
    await em.nativeUpdate(TenantEntity, { id }, { status: "FAILED", ...failure, updatedAt });
    return id;
  };
  return (await onQuietTenant(ports.orm, actor, deed, "MARK_FAILED", mark)) !== null;
}

/** Works on a tenant that is locked and on which no operation works; null where nothing was done. */
async function onQuietTenant<T>(
  orm: Orm,
  actor: Actor,
  { tenantId, slug, finding }: Deed,
  repair: Repair,
  work: (em: EntityManager, tenant: Tenant) => Promise<T | null>,
): Promise<T | null> {
  return await orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    await serialise(em, `tenant:${slug}`);
    const tenant = await lockTenant(em, { id: tenantId });
    const active = await em.findOne(OperationEntity, { subjectId: tenantId, finishedAt: null });
    if (!tenant || active) return null;
    const answer = await work(em, tenant);
    if (answer !== null) {
      record(em, actor, {
        type: "TENANT_REPAIRED",
        tenant: { id: tenantId, slug },
        detail: { repair, finding },
      });
    }
    return answer;
  });
}
