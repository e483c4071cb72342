import { type Fence, fenceKey } from "../../database/fence.ts";
import type { EntityManager } from "../../database/orm.ts";
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
  /** Fences effects there: the token of the run that makes them; null for whoever only reads. */
  readonly token: number | null;
}

/** What a session proves as it opens at a site; null for one that only reads. */
export const fenceOf = ({
  server,
  names,
  token,
}: Pick<Site, "server" | "names" | "token">): Fence | null =>
  token === null ? null : { key: fenceKey(server.tenantDatabase, names.ownerRole), token };

/** A run as far as its place is concerned. */
export type PlacedRun = Pick<
  Run<unknown, unknown>,
  "subjectId" | "subjectName" | "dryRun" | "token"
>;

/** The token that a run's effects are fenced with: a dry run has none. */
export const tokenOf = ({ dryRun, token }: Pick<PlacedRun, "dryRun" | "token">): number | null =>
  dryRun ? null : token;

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
 * Where a registered tenant is.
 *
 * @param token fences the effects that are made there; null for whoever only reads
 * @throws DomainError E_DB_SERVER_NOT_FOUND for a tenant that is placed nowhere
 */
export async function siteOfTenant(
  em: EntityManager,
  tenant: Tenant,
  token: number | null = null,
): Promise<TenantSite> {
  const { slug, dbServerId, databaseName, appRole: login } = tenant;
  const server = dbServerId === null ? null : await em.findOne(DbServerEntity, { id: dbServerId });
  if (!server || databaseName === null) {
    throw new DomainError("E_DB_SERVER_NOT_FOUND", {
      message: `Tenant '${slug}' is placed on no db server`,
      nextAction: "Provision it again with `provisionTenant`.",
    });
  }
  return { tenant, server, database: databaseName, names: namesOfTenant(tenant), login, token };
}

/** The names that the tenant was given when it was made, whatever the configuration says today. */
export const namesOfTenant = (tenant: Tenant): TenantNames => ({
  schema: tenant.schemaName,
  database: `tenant_${tenant.slug.replaceAll("-", "_")}`,
  ...rolesOf(tenant.schemaName),
  secret: tenant.secretName,
});
