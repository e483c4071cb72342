import type { ClientBase } from "pg";
import { ident, literal } from "../database/sql.ts";
import type { TenantNames } from "../tenants/names.ts";
import { LEDGER } from "./ledger.ts";
import { underSharedLock } from "./tenant-database.ts";

/**
 * SQL that answers the oids of a tenant's schemas in the connected database: the tenant schema and, in a
 * database of its own, those of the folder. Where many tenants live together only the index on names is
 * read: the other half has a condition that PostgreSQL decides once, before it looks.
 */
export const schemasOf = ({ schema, database, ownerRole }: TenantNames): string => `(
  select oid from pg_catalog.pg_namespace where nspname = ${literal(schema)}
  union
  select oid from pg_catalog.pg_namespace where current_database() = ${literal(database)}
    and pg_catalog.pg_get_userbyid(nspowner) = ${literal(ownerRole)})`;

/** Whether a tenant's schemas hold nothing that anybody could use: no table, no view, at most an empty ledger. */
export async function isUnused(client: ClientBase, names: TenantNames): Promise<boolean> {
  const { rows } = await client.query<{ unused: boolean }>(
    `select not exists (select from pg_catalog.pg_class where relkind in ('r', 'p', 'v', 'm', 'f')
       and relname <> '${LEDGER}' and relnamespace in ${schemasOf(names)}) as unused`,
  );
  return rows[0]?.unused === true;
}

/**
 * Opens a tenant's own database for a folder with schemas of its own: `public` and every schema that the
 * folder makes belong to the tenant's owner role, and the app role works on their data as it does in the
 * tenant schema, which holds the ledger. Repeatable; does nothing in a database of several tenants.
 *
 * @param client connected to the tenant's database
 */
export async function openOwnSchemas(client: ClientBase, names: TenantNames): Promise<void> {
  const { rows } = await client.query<{ own: boolean }>("select current_database() = $1 as own", [
    names.database,
  ]);
  if (rows[0]?.own !== true) return;
  const [owner, app, database] = [names.ownerRole, names.appRole, names.database].map(ident);
  const future = `alter default privileges for role ${owner}`;
  await underSharedLock(client, async () => {
    await client.query(`
      create schema if not exists public;
      grant create on database ${database} to ${owner};
      alter schema public owner to ${owner};
      revoke all on schema public from public;
      grant usage on schema public to ${app};
      ${future} grant usage on schemas to ${app};
      ${future} grant select, insert, update, delete on tables to ${app};
      ${future} grant usage, select on sequences to ${app};
      ${future} grant execute on functions to ${app}`);
  });
}
