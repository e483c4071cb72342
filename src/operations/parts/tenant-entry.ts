import type { PoolClient } from "pg";
import { sqlStateOf } from "../../database/faults.ts";
import { scramVerifier } from "../../database/sql.ts";
import { DomainError, isDomainError } from "../../kernel/domain-error.ts";
import { createTenantSchema } from "../../tenant-schemas/create-tenant-schema.ts";
import { dropTenantSchema } from "../../tenant-schemas/drop-tenant-schema.ts";
import { approvedExtensions } from "../../tenant-schemas/extensions.ts";
import { ensureOwnDatabase, prepareOwnDatabase } from "../../tenant-schemas/own-database.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import { readAppLogin } from "./tenant-secret.ts";
import { hasOwnDatabase, type Site } from "./tenant-site.ts";

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
    return await servers.asAdmin(site.server, site.database, work);
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
 * The extensions that an operator has approved for a tenant with a database of its own: they are told
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
  { server }: Pick<Site, "server">,
  work: Work<T>,
): Promise<T> => servers.asAdmin(server, server.tenantDatabase, work);

/**
 * Creates the tenant's empty schema with its roles, and before it the database where the tenant has
 * one of its own. Repeatable; the app role's password is that of the secret.
 *
 * @throws DomainError E_PARTIAL_STATE naming what is in the way, E_SECRET_STORE
 */
export async function ensureTenantSchema(
  ports: Servers & Pick<TenantPorts, "secrets">,
  site: Site,
  { tenantId, mayLogIn = true }: { readonly tenantId: string; readonly mayLogIn?: boolean },
): Promise<void> {
  const { names, database, server, login } = site;
  const { password } = await readAppLogin(ports.secrets, site);
  const own = hasOwnDatabase(site);
  if (own)
    await inSharedDatabase(ports, site, (client) => ensureOwnDatabase(client, { names, tenantId }));
  await inTenantDatabase(ports, site, async (client) => {
    if (own) await prepareOwnDatabase(client, tenantId, server.tenantDatabase);
    await createTenantSchema(client, {
      ...{ names, tenantId, login, mayLogIn, connectDatabase: database },
      appPasswordVerifier: scramVerifier(password),
    });
  });
}

/**
 * Drops what `ensureTenantSchema` has made on a server: what bears the tenant's mark, and no more.
 * Repeatable.
 *
 * @throws DomainError E_PARTIAL_STATE naming what keeps it from going
 */
export async function removeTenantSchema(
  ports: Servers,
  { server, names }: Pick<Site, "server" | "names">,
  tenantId: string,
): Promise<void> {
  await inSharedDatabase(ports, { server }, (client) =>
    dropTenantSchema(client, { names, tenantId }, (database, work) =>
      ports.servers.asAdmin(server, database, work),
    ),
  );
}
