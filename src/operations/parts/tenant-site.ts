import type { EntityManager, Orm } from "../../database/orm.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { type DbServer, DbServerEntity } from "../../placement/db-server.entity.ts";
import { type Isolation, rolesOf, type TenantNames } from "../../tenants/names.ts";
import { findTenant, tenantBySlug } from "../../tenants/registry.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import type { Run } from "../engine/phase.ts";

/** Where a tenant's schema is, or is to be. */
export interface Site {
  readonly server: DbServer;
  readonly database: string;
  readonly names: TenantNames;
  /** The app role that the application logs in as: one of the two that `names` has. */
  readonly login: string;
}

/** The database of a server that a tenant of this isolation is in, or is to be in. */
export const databaseOn = (
  server: Pick<DbServer, "tenantDatabase">,
  isolation: Isolation,
  names: Pick<TenantNames, "database">,
): string => (isolation === "DATABASE" ? names.database : server.tenantDatabase);

/** Whether the tenant has the database for itself. */
export const hasOwnDatabase = ({ server, database }: Site): boolean =>
  database !== server.tenantDatabase;

/** A registered tenant and where it is. */
export interface TenantSite extends Site {
  readonly tenant: Tenant;
}

/** The tenant that a run is about; a dry run knows it by its slug alone. */
export async function tenantOf(
  em: EntityManager,
  { subjectId, subjectName }: Pick<Run<unknown, unknown>, "subjectId" | "subjectName">,
): Promise<Tenant> {
  const tenant =
    subjectId === null
      ? await tenantBySlug(em, subjectName)
      : await findTenant(em, { id: subjectId });
  if (!tenant)
    throw new DomainError("E_TENANT_NOT_FOUND", {
      message: `Tenant slug '${subjectName}' not found`,
    });
  return tenant;
}

/**
 * The tenant of a run and where it is.
 *
 * @throws DomainError E_DB_SERVER_NOT_FOUND for a tenant that is placed nowhere
 */
export async function siteOfRun(
  orm: Orm,
  run: Pick<Run<unknown, unknown>, "subjectId" | "subjectName">,
): Promise<TenantSite> {
  const em = orm.em.fork();
  return await siteOfTenant(em, await tenantOf(em, run));
}

/** What the registry says of a tenant's schema, as an operation ends: also one that never looked into it. */
export async function registeredVersion(
  em: EntityManager,
  run: Pick<Run<unknown, unknown>, "subjectId" | "subjectName">,
): Promise<{ version: string | null; migrations: number | null }> {
  const tenant = await tenantOf(em, run);
  await em.refresh(tenant);
  return { version: tenant.schemaVersion, migrations: tenant.migrationsApplied };
}

/** Where a registered tenant is; errors as `siteOfRun`. */
export async function siteOfTenant(em: EntityManager, tenant: Tenant): Promise<TenantSite> {
  const { slug, dbServerId, databaseName, appRole: login } = tenant;
  const server = dbServerId === null ? null : await em.findOne(DbServerEntity, { id: dbServerId });
  if (!server || databaseName === null) {
    throw new DomainError("E_DB_SERVER_NOT_FOUND", {
      message: `Tenant '${slug}' is placed on no db server`,
      nextAction: "Provision it again with `provisionTenant`.",
    });
  }
  return { tenant, server, database: databaseName, names: namesOfTenant(tenant), login };
}

/** The names that the tenant was given when it was made, whatever the configuration says today. */
export const namesOfTenant = (tenant: Tenant): TenantNames => ({
  schema: tenant.schemaName,
  database: `tenant_${tenant.slug.replaceAll("-", "_")}`,
  ...rolesOf(tenant.schemaName),
  secret: tenant.secretName,
});
