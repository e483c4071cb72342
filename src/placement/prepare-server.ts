import type { ClientBase } from "pg";
import { readConnectionUrl } from "../database/connection-url.ts";
import { ident } from "../database/sql.ts";
import { createUtf8Database, encodingFault } from "../database/utf8.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { groupRoleOf, prepareTenantDatabase } from "../tenant-schemas/tenant-database.ts";

/** Runs work on a connection of its own to a database of one server. */
export type Enter = <T>(database: string, work: (client: ClientBase) => Promise<T>) => Promise<T>;

/**
 * The name of the database that holds the tenants of a server, from the platform's own connection
 * URL: two platforms on one server have two.
 */
export const tenantDatabaseOf = (platformUrl: string): string =>
  `${readConnectionUrl(platformUrl).database}_tenants`;

/**
 * Makes a server ready for tenants: its shared tenant database with the schema of extensions, closed
 * to PUBLIC. Repeatable, and safe from several processes at once.
 *
 * @param at.maintenance a database that is always there
 * @param at.closed a further database that is taken from PUBLIC
 * @throws DomainError E_PARTIAL_STATE when a database of that name exists which is not ours, or
 *   is not UTF8
 */
export async function prepareServer(
  enter: Enter,
  at: { readonly maintenance: string; readonly tenantDatabase: string; readonly closed?: string },
): Promise<void> {
  const { maintenance, tenantDatabase, closed } = at;
  await enter(maintenance, async (client) => {
    await client.query("select pg_advisory_lock(hashtextextended('tenantry:prepare-server', 0))");
    if (closed !== undefined)
      await client.query(`revoke connect, temporary on database ${ident(closed)} from public`);
    const state = await tenantDatabaseState(client, tenantDatabase);
    if (state === "FOREIGN") {
      throw new DomainError("E_PARTIAL_STATE", {
        message: `The database ${tenantDatabase} exists already and was not made by this admin`,
        detail: { kind: "DATABASE", name: tenantDatabase },
      });
    }
    await refuseOtherEncoding(client, tenantDatabase);
    if (state === "ABSENT") await createUtf8Database(client, tenantDatabase);
  });
  await enter(tenantDatabase, (client) => prepareTenantDatabase(client));
}

/**
 * Refuses a server whose tenant database exists in another encoding than UTF8.
 *
 * @param database the one that is connected unless told
 * @throws DomainError E_PARTIAL_STATE
 */
export async function refuseOtherEncoding(
  client: ClientBase,
  database: string | null = null,
): Promise<void> {
  const fault = await encodingFault(client, database);
  if (fault === null) return;
  throw new DomainError("E_PARTIAL_STATE", {
    message: `Tenants cannot be kept there: ${fault}. Drop it if it holds no tenants; otherwise dump it, and restore it into one made with ENCODING 'UTF8' TEMPLATE template0`,
    detail: { kind: "DATABASE", fault },
  });
}

/** UNMARKED: made by this admin, and not prepared to the end. */
type TenantDatabaseState = "ABSENT" | "FOREIGN" | "UNMARKED" | "PREPARED";

/** Looks how far a server's tenant database is prepared. */
export async function tenantDatabaseState(
  client: ClientBase,
  database: string,
): Promise<TenantDatabaseState> {
  const { rows } = await client.query<{ own: boolean; marked: boolean }>(
    `select pg_has_role(datdba, 'usage') as own, exists (
       select 1 from pg_catalog.pg_roles
       where rolname = $2 and shobj_description(oid, 'pg_authid') = 'tenantry:database=' || $1) as marked
     from pg_catalog.pg_database where datname = $1`,
    [database, groupRoleOf(database)],
  );
  const [found] = rows;
  if (!found) return "ABSENT";
  if (found.marked) return "PREPARED";
  return found.own ? "UNMARKED" : "FOREIGN";
}
