import type { ClientBase } from "pg";
import { ident } from "../database/sql.ts";
import type { TenantNames } from "../tenants/names.ts";
import { EXTENSIONS_SCHEMA } from "./tenant-database.ts";

/** Where a tenant's roles log in. */
export interface LoginPlace {
  readonly names: TenantNames;
  /** The database that the tenant's schema is in. */
  readonly connectDatabase: string;
}

/** A setting that a role's sessions begin with. */
export interface RoleSetting {
  /** The database that it is for; null for all of them. */
  readonly database: string | null;
  /** As the catalog keeps it: `work_mem=1MB`. */
  readonly setting: string;
}

/**
 * Changes an app role. Any role may change its own password and settings: a session that does so and does
 * not commit holds the role against everybody else, and is ended.
 *
 * @param change what follows the name in `ALTER ROLE`
 */
export async function alterAppRole(
  client: ClientBase,
  role: string,
  change: string,
): Promise<void> {
  await endHolders(client, [role]);
  await client.query(`alter role ${ident(role)} ${change}`);
}

/** Ends sessions of the roles, and of those that are members of them, which change roles at this moment. */
async function endHolders(client: ClientBase, roles: readonly string[]): Promise<void> {
  await client.query(
    `select pg_catalog.pg_terminate_backend(a.pid)
     from pg_catalog.pg_locks l
     join pg_catalog.pg_stat_activity a on a.pid = l.pid
     join pg_catalog.pg_roles r on r.oid = a.usesysid
     where l.relation in ('pg_catalog.pg_authid'::regclass, 'pg_catalog.pg_db_role_setting'::regclass)
       and l.mode = 'RowExclusiveLock'
       and (r.rolname = any($1) or r.rolname = any($2))`,
    [roles, roles.map((role) => `${role}_b`)],
  );
}

/**
 * Takes every setting from roles of a tenant, whoever made it: with a statement_timeout of a millisecond
 * no login would work. Sets what `setSearchPath` does for those of them that log in.
 *
 * @param roles those that exist
 */
export async function resetSettings(
  client: ClientBase,
  roles: readonly string[],
  place: LoginPlace,
): Promise<void> {
  await endHolders(client, roles);
  const { rows } = await client.query<{ role: string; database: string | null }>(
    `select r.rolname as role, d.datname as database
     from pg_catalog.pg_roles r
     join pg_catalog.pg_db_role_setting s on s.setrole = r.oid
     left join pg_catalog.pg_database d on d.oid = s.setdatabase
     where r.rolname = any($1)`,
    [roles],
  );
  for (const { role, database } of rows) {
    const where = database === null ? "" : `in database ${ident(database)}`;
    await client.query(`alter role ${ident(role)} ${where} reset all`);
  }
  for (const role of roles)
    if (role !== place.names.ownerRole) await setSearchPath(client, role, place);
}

/** What a role finds without naming the schema: set for one database, and gone with it. */
export async function setSearchPath(
  client: ClientBase,
  role: string,
  place: LoginPlace,
): Promise<void> {
  await client.query(`alter role ${ident(role)} in database ${ident(place.connectDatabase)}
    set search_path = ${searchPathOf(place).map(ident).join(", ")}`);
}

const searchPathOf = ({ names, connectDatabase }: LoginPlace): string[] => [
  names.schema,
  // In a database of the tenant's own, the folder's tables may lie in schemas of its own.
  ...(connectDatabase === names.database ? ["public"] : []),
  EXTENSIONS_SCHEMA,
];

/** Names the settings of a tenant's role that Tenantry has not made; values stay out, they may be secret. */
export function foreignSettings(settings: readonly RoleSetting[], place: LoginPlace): string[] {
  const ours = searchPathOf(place).map((schema) => `(${schema}|"${schema}")`);
  const path = new RegExp(`^search_path=${ours.join(", ")}$`);
  return settings
    .filter(({ database, setting }) => database !== place.connectDatabase || !path.test(setting))
    .map(({ database, setting }) => {
      const [name] = setting.split("=");
      return database === null ? `${name}` : `${name} in database ${database}`;
    });
}
