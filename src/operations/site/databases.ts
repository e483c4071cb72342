import type { PoolClient } from "pg";
import { sqlStateOf } from "../../database/faults.ts";
import { DomainError, isDomainError } from "../../kernel/domain-error.ts";
import { approvedExtensions } from "../../tenant-schemas/extensions.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import {
  fenceOf,
  hasOwnDatabase,
  type PlacedRun,
  type Site,
  siteOfTenant,
  tenantOf,
  tokenOf,
} from "./site.ts";

type Servers = Pick<TenantPorts, "servers">;
type Work<T> = (client: PoolClient) => Promise<T>;

/**
 * Runs `work` as the admin in the database that the tenant's schema is in.
 *
 * @throws DomainError E_TENANT_NOT_READY where the tenant's own database does not exist
 */
export async function inTenantDatabase<T>(
  { servers }: Servers,
  site: Site,
  work: Work<T>,
): Promise<T> {
  try {
    return await servers.asAdmin(site.server, site.database, work, fenceOf(site));
  } catch (error) {
    if (!hasOwnDatabase(site) || !isMissingDatabase(error)) throw error;
    throw new DomainError("E_TENANT_NOT_READY", {
      message: `The database ${site.database} does not exist: migrate the tenant first`,
      nextAction: "Make it anew with `migrateTenant`, then ask for this again.",
      retryable: false,
      cause: error,
    });
  }
}

/**
 * The extensions that an operator has approved for a tenant with a database of its own: they are listed
 * in the shared one. None elsewhere, where they are in the database itself.
 */
export async function approvedFor(servers: Servers, site: Site): Promise<string[]> {
  return hasOwnDatabase(site) ? await inSharedDatabase(servers, site, approvedExtensions) : [];
}

/** Whether a server was not entered because it has no such database (SQLSTATE 3D000). */
export const isMissingDatabase = (error: unknown): boolean =>
  isDomainError(error, "E_ADMIN_CONN_UNRESOLVED") && sqlStateOf(error) === "3D000";

/**
 * Runs `work` as the admin in the server's shared tenant database. Roles and databases belong to the
 * whole server: all work on them meets there, so that its locks are seen by whoever does such work.
 */
export const inSharedDatabase = <T>(
  { servers }: Servers,
  site: Pick<Site, "server" | "names" | "token">,
  work: Work<T>,
): Promise<T> => servers.asAdmin(site.server, site.server.tenantDatabase, work, fenceOf(site));

/**
 * Proves a run's token wherever its effects are made, which ends the sessions of the run's former owner:
 * what it was about to do there does not come late.
 */
export async function fenceOff(
  ports: Servers & Pick<TenantPorts, "orm">,
  run: PlacedRun,
): Promise<void> {
  if (run.subjectId === null) return;
  const em = ports.orm.em.fork();
  const tenant = await tenantOf(em, run);
  // Where it is placed nowhere, nothing of it is known to be anywhere.
  if (tenant.dbServerId === null) return;
  const site = await siteOfTenant(em, tenant, tokenOf(run));
  const prove = async () => {};
  await inSharedDatabase(ports, site, prove);
  if (!hasOwnDatabase(site)) return;
  await inTenantDatabase(ports, site, prove).catch((error: unknown) => {
    if (!isDomainError(error, "E_TENANT_NOT_READY")) throw error;
  });
}
