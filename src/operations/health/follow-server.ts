import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { openAppRoles } from "../../tenant-schemas/app-login.ts";
import { probeAppLogin } from "../../tenant-schemas/probe-app-login.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { TenantEntity } from "../../tenants/tenant.entity.ts";
import { readAppLogin, readOwnSecret, roleOf } from "../credentials/tenant-secret.ts";
import { inSharedDatabase } from "../site/databases.ts";
import { siteOfTenant } from "../site/site.ts";
import { changedSince, databaseTime } from "./changes.ts";
import { onQuietTenant, type RepairTarget } from "./direct-repairs.ts";
import type { RepairPorts } from "./ports.ts";

/** How long the login before stays open where nobody knows when it was to be closed. */
export const UNKNOWN_GRACE_MS = 3_600_000;

/**
 * Gives a tenant the status that its logins have on the db server: SUSPENDED where both are closed, ACTIVE
 * where one is open. It was suspended, offboarded or brought back behind the dump that the registry was
 * restored from.
 *
 * @returns false where an operation works on the tenant by now, or it has changed meanwhile
 * @throws DomainError E_ADMIN_CONN_UNRESOLVED
 */
export async function followStatus(
  ports: RepairPorts,
  actor: Actor,
  target: RepairTarget,
): Promise<boolean> {
  return await follow(ports, actor, target, "FOLLOW_STATUS", async (tenant) => {
    const open = await openOf(ports, tenant);
    const isOpen = open.length > 0;
    const { status } = tenant;
    if (status === "ACTIVE" && !isOpen) return { status: "SUSPENDED" };
    if ((status !== "SUSPENDED" && status !== "OFFBOARDED") || !isOpen) return null;
    const activatedAt = tenant.activatedAt ?? ports.clock();
    return { status: "ACTIVE", activatedAt, offboardedFrom: null, purgeAfter: null };
  });
}

/**
 * Lets the registry take over the app role that the newest secret leads to, which a rotation behind the dump
 * that it was restored from has stored. Where the tenant is in use, a login with that secret has to work.
 *
 * @returns as `followStatus`
 * @throws DomainError E_TENANT_NOT_READY where the login does not work, E_SECRET_STORE, E_PARTIAL_STATE,
 *   E_ADMIN_CONN_UNRESOLVED
 */
export async function followSecret(
  ports: RepairPorts,
  actor: Actor,
  target: RepairTarget,
): Promise<boolean> {
  return await follow(ports, actor, target, "FOLLOW_SECRET", async (tenant) => {
    const site = await siteOfTenant(ports.orm.em.fork(), tenant);
    const { appRole, appRoleB } = site.names;
    const secret = await readOwnSecret(ports.secrets, tenant.secretName, tenant);
    const role = [appRole, appRoleB].find((each) => each === (secret && roleOf(secret)));
    if (secret === null || role === undefined || role === tenant.appRole) return null;
    const open = await openOf(ports, tenant);
    if (tenant.status === "ACTIVE") {
      const login = await probeAppLogin(await readAppLogin(ports.secrets, site));
      if (!login.passed) throw new DomainError("E_TENANT_NOT_READY", { message: login.message });
    }
    const old = open.find((each) => each !== role) ?? null;
    const now = ports.clock();
    return {
      appRole: role,
      credentialsRotatedAt: now,
      retiringRole: old,
      secretVersion: secret.version,
      retiringUntil: old === null ? null : new Date(now.getTime() + UNKNOWN_GRACE_MS),
    };
  });
}

/** Finds changes first, and writes them where the tenant has not changed since. */
async function follow(
  ports: RepairPorts,
  actor: Actor,
  target: RepairTarget,
  repair: "FOLLOW_STATUS" | "FOLLOW_SECRET",
  find: (tenant: Tenant) => Promise<Partial<Tenant> | null>,
): Promise<boolean> {
  const em = ports.orm.em.fork();
  const since = await databaseTime(em);
  const tenant = await em.findOne(TenantEntity, { id: target.tenantId });
  const found = tenant && (await find(tenant));
  if (!found) return false;
  const write = async (transaction: EntityManager, { id }: Tenant) => {
    if ((await changedSince(transaction, since)).has(id)) return null;
    await transaction.nativeUpdate(TenantEntity, { id }, { ...found, updatedAt: ports.clock() });
    return id;
  };
  return (await onQuietTenant(ports.orm, actor, target, repair, write)) !== null;
}

const openOf = async (ports: RepairPorts, tenant: Tenant): Promise<string[]> => {
  const site = await siteOfTenant(ports.orm.em.fork(), tenant);
  return await inSharedDatabase(ports, site, (client) =>
    openAppRoles(client, { names: site.names, tenantId: tenant.id }),
  );
};
