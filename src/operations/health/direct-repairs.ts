import { record } from "../../audit/record.ts";
import { enterAs } from "../../database/fence.ts";
import type { EntityManager, Orm } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import { endSessionsOf, setAppLogins } from "../../tenant-schemas/app-login.ts";
import { limitsOf } from "../../tenants/limits.ts";
import { openRolesOf } from "../../tenants/open-roles.ts";
import { findTenant, lockTenantBySlug } from "../../tenants/registry.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { readOwnSecret, roleOf } from "../credentials/tenant-secret.ts";
import { nextToken } from "../engine/fence-tokens.ts";
import { OperationEntity } from "../engine/operation.entity.ts";
import { inSharedDatabase } from "../site/databases.ts";
import { fenceOf, siteOfTenant } from "../site/site.ts";
import { changedSince, databaseTime } from "./changes.ts";
import { mayLogIn } from "./diagnose.ts";
import type { FindingCode, Repair } from "./finding.ts";
import type { RepairPorts } from "./ports.ts";
import { withServers } from "./server-survey.ts";

/** Which tenant is repaired, and for which finding. */
export interface RepairTarget {
  readonly tenantId: string;
  readonly slug: string;
  readonly finding: FindingCode;
}

/**
 * Sets the logins of the app roles as the registry says, and ends the sessions of those that are
 * closed.
 *
 * @returns false where an operation works on the tenant by now, or it has changed meanwhile
 * @throws DomainError E_TENANT_NOT_READY where that would close the login that the secret leads to,
 *   E_SECRET_STORE, E_ADMIN_CONN_UNRESOLVED
 */
export async function setLogin(
  ports: RepairPorts,
  actor: Actor,
  target: RepairTarget,
): Promise<boolean> {
  const em = ports.orm.em.fork();
  const since = await databaseTime(em);
  const tenant = await findTenant(em, { id: target.tenantId });
  const mayIn = tenant && mayLogIn(tenant.status);
  if (!tenant || mayIn === null) return false;
  const open = mayIn ? openRolesOf(tenant) : [];
  if (mayIn) await refuseToLockOut(ports.secrets, tenant, open);
  const site = await siteOfTenant(em, tenant);
  const { appRole, appRoleB } = site.names;
  const closed = [appRole, appRoleB].filter((role) => !open.includes(role));
  const roles = {
    names: site.names,
    tenantId: tenant.id,
    connectDatabase: site.database,
    limits: limitsOf(ports.config.tenantLimits, tenant),
  };
  return await withServers(ports.secrets, (servers) =>
    // Entered before the tenant is locked: nothing of the platform waits for a store or server that hangs.
    inSharedDatabase({ servers }, site, async (client) => {
      const set = async (transaction: EntityManager) => {
        if ((await changedSince(transaction, since)).has(tenant.id)) return null;
        // Whoever begins to work on the tenant behind this draws a greater one, and ends this session.
        const token = await nextToken(transaction);
        await enterAs(client, fenceOf({ ...site, token }));
        return await setAppLogins(client, roles, open);
      };
      const done = await onQuietTenant(ports.orm, actor, target, "SET_LOGIN", set);
      // After the commit: waiting for clients must not hold the tenant's row.
      if (done !== null) await endSessionsOf(client, closed);
      return done !== null;
    }),
  );
}

/** A rotation that could not be undone leaves a secret that leads to the other role than the registry's. */
async function refuseToLockOut(
  secrets: SecretStore,
  tenant: Tenant,
  open: readonly string[],
): Promise<void> {
  const secret = await readOwnSecret(secrets, tenant.secretName, tenant);
  const role = secret && roleOf(secret);
  if (role === null || open.includes(role)) return;
  throw new DomainError("E_TENANT_NOT_READY", {
    message: `the stored secret leads to ${role}, which stays open: rotate the tenant's credentials`,
  });
}

/**
 * Gives a tenant that nothing provisions any more the status FAILED, as its provisioning would have
 * done at its end: it can be provisioned again or cleaned up then.
 *
 * @returns false where it is not PROVISIONING, or provisioned again by now
 */
export async function markFailed(
  ports: RepairPorts,
  actor: Actor,
  target: RepairTarget,
): Promise<boolean> {
  const mark = async (em: EntityManager, { id, slug, status }: Tenant) => {
    if (status !== "PROVISIONING") return null;
    const last = await em.findOne(
      OperationEntity,
      { subjectId: id, error: { $ne: null } },
      { orderBy: { id: "desc" } },
    );
    const failure = {
      failureCode: last?.error?.code ?? "E_OPERATION_LOST",
      failureMessage:
        last?.error?.message ?? `The provisioning of '${slug}' ended without a result`,
    };
    const updatedAt = ports.clock();
    await em.nativeUpdate(TenantEntity, { id }, { status: "FAILED", ...failure, updatedAt });
    return id;
  };
  return (await onQuietTenant(ports.orm, actor, target, "MARK_FAILED", mark)) !== null;
}

/** Works on a tenant that is locked and on which no operation works; null where nothing was done. */
export async function onQuietTenant<T>(
  orm: Orm,
  actor: Actor,
  { tenantId, slug, finding }: RepairTarget,
  repair: Repair,
  work: (em: EntityManager, tenant: Tenant) => Promise<T | null>,
): Promise<T | null> {
  return await orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    const tenant = await lockTenantBySlug(em, slug, { id: tenantId });
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
