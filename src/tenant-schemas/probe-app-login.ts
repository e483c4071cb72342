import type pg from "pg";
import { connectionConfig } from "../database/connect.ts";
import type { Address } from "../database/connection-url.ts";
import { isConnectionLoss, sqlStateOf } from "../database/faults.ts";
import { withConnection } from "../database/own-connection.ts";
import { CONNECTION } from "../database/server-pools.ts";
import { ident } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";
import { schemasOf } from "./own-schemas.ts";
import { type Check, check } from "./verify-tenant-schema.ts";

export interface AppLogin extends Address {
  /** As the secret store keeps it; it appears in no answer. */
  readonly password: string;
  readonly names: TenantNames;
}

/**
 * Logs in as the app role, on a connection of its own, and tries what it must and must not do: read
 * a table of its schema; create nothing in `public` or in its schema.
 *
 * @returns the check ROLE_LOGIN; what the server refuses is its message, not an exception
 * @throws DomainError E_UNAVAILABLE where the server does not answer, or has no connection left: that says
 *   nothing of the login
 */
export async function probeAppLogin(login: AppLogin): Promise<Check> {
  const { user, names } = login;
  const entry = {
    ...connectionConfig(login),
    ...CONNECTION,
    application_name: "tenantry-probe",
    query_timeout: 30_000,
  };
  try {
    const fault = await withConnection(entry, (client) => faultOf(client, names));
    return fault ?? check("ROLE_LOGIN", true, `${user} can log in`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (isOwnLimit(error))
      return check("ROLE_LOGIN", true, `${user} may log in: all its connections are in use`);
    if (isConnectionLoss(error)) {
      const lost = `${user} cannot log in at the moment: ${message}`;
      throw new DomainError("E_UNAVAILABLE", { message: lost, transient: true, cause: error });
    }
    return check("ROLE_LOGIN", false, message, { sqlstate: sqlStateOf(error) });
  }
}

/** PostgreSQL counts a role's connections once its password was right and it may log in. */
const isOwnLimit = (error: unknown): boolean =>
  sqlStateOf(error) === "53300" &&
  (error as { readonly routine?: string }).routine === "InitializeSessionUserId";

async function faultOf(client: pg.Client, names: TenantNames): Promise<Check | undefined> {
  const { rows } = await client.query<{ schema: string; table: string | null }>(
    `select n.nspname as schema, (select c.relname from pg_catalog.pg_class c
       where c.relnamespace = n.oid and c.relkind in ('r', 'p')
       order by starts_with(c.relname, 'tenantry_'), c.relname limit 1) as table
     from pg_catalog.pg_namespace n where n.oid in ${schemasOf(names)}`,
  );
  for (const { schema: place, table } of rows)
    if (table !== null) await client.query(`select 1 from ${ident(place)}.${ident(table)} limit 1`);
  for (const place of new Set([names.schema, "public", ...rows.map((row) => row.schema)])) {
    if (await canCreate(client, place)) {
      return check("ROLE_LOGIN", false, `the role can create tables in ${place}`, { place });
    }
  }
  return undefined;
}

async function canCreate(client: pg.Client, schema: string): Promise<boolean> {
  await client.query("begin");
  try {
    await client.query(`create table ${ident(schema)}.tenantry_probe ()`);
    return true;
  } catch (error) {
    // No right to create, or no such schema.
    if (sqlStateOf(error) === "42501" || sqlStateOf(error) === "3F000") return false;
    throw error;
  } finally {
    await client.query("rollback");
  }
}
