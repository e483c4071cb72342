import type { ClientBase } from "pg";
import { ident } from "../database/sql.ts";
import type { TenantLimits } from "../tenants/limits.ts";
import type { TenantNames } from "../tenants/names.ts";
import { EXTENSIONS_SCHEMA } from "./tenant-database.ts";

/** Where a tenant's roles log in. */
export interface LoginPlace {
  readonly names: TenantNames;
  /** The database that the tenant's schema is in. */
  readonly connectDatabase: string;
  /** What each of its logins may take. */
  readonly limits: TenantLimits;
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
export async function endHolders(client: ClientBase, roles: readonly string[]): Promise<void> {
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
 * no login would work. Sets what `setLoginSettings` does for those of them that log in.
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
    if (role !== place.names.ownerRole) await setLoginSettings(client, role, place);
}

/**
 * What the sessions of an app role begin with, and how many there may be. The role may set the timeouts
 * otherwise, as any role may; the limit is the admin's alone to change. Open sessions keep what they have.
 */
export async function setLoginSettings(
  client: ClientBase,
  role: string,
  place: LoginPlace,
): Promise<void> {
  await setSearchPath(client, role, place);
  const inDatabase = `alter role ${ident(role)} in database ${ident(place.connectDatabase)}`;
  const timeouts = Object.entries(timeoutsOf(place.limits)).map(
    ([name, value]) => `${inDatabase} set ${name} = '${value}'`,
  );
  const limit = `alter role ${ident(role)} connection limit ${place.limits.connectionLimit}`;
  await client.query([...timeouts, limit].join("; "));
}

/** The settings that say a tenant's timeouts, as the catalog keeps them. */
const timeoutsOf = (limits: TenantLimits): Readonly<Record<string, string>> => ({
  statement_timeout: seconds(limits.statementTimeoutSeconds),
  idle_in_transaction_session_timeout: seconds(limits.idleInTransactionTimeoutSeconds),
});

const seconds = (value: number): string => (value === 0 ? "0" : `${value}s`);

/** What a role finds without naming the schema: set for one database, and gone with it. */
export async function setSearchPath(
  client: ClientBase,
  role: string,
  place: LoginPlace,
): Promise<void> {
  await client.query(`alter role ${ident(role)} in database ${ident(place.connectDatabase)}
    set search_path = ${searchPathOf(place).map(ident).join(", ")}`);
}

/** The schemas in which an app role finds names that have no schema, in this order. */
export const searchPathOf = ({
  names,
  connectDatabase,
}: Pick<LoginPlace, "names" | "connectDatabase">): string[] => [
  names.schema,
  // In a database of the tenant's own, the folder's tables may lie in schemas of its own.
  ...(connectDatabase === names.database ? ["public"] : []),
  EXTENSIONS_SCHEMA,
];

/** Names the settings of a tenant's role that Tenantry has not made; values stay out, they may be secret. */
export function foreignSettings(settings: readonly RoleSetting[], place: LoginPlace): string[] {
  const ours = searchPathOf(place).map((schema) => `(${schema}|"${schema}")`);
  const path = new RegExp(`^search_path=${ours.join(", ")}$`);
  const timeouts = Object.keys(timeoutsOf(place.limits));
  return settings
    .filter(({ database, setting }) => {
      const here = database === place.connectDatabase;
      // Timeouts of another value are told by `otherLimits`.
      return !here || !(path.test(setting) || timeouts.includes(setting.split("=")[0] ?? ""));
    })
    .map(({ database, setting }) => {
      const [name] = setting.split("=");
      return database === null ? `${name}` : `${name} in database ${database}`;
    });
}

/** Names in words where a role's limits are others than they should be: `connection limit none instead of 20`. */
export function otherLimits(
  role: { readonly connectionLimit: number; readonly settings: readonly RoleSetting[] },
  { connectDatabase, limits }: LoginPlace,
): string[] {
  const told = (name: string, is: string, wanted: string) =>
    is === wanted ? [] : [`${name} ${is} instead of ${wanted}`];
  const limit = role.connectionLimit < 0 ? "none" : String(role.connectionLimit);
  const here = role.settings.filter(({ database }) => database === connectDatabase);
  const settingOf = (name: string) =>
    here.find(({ setting }) => setting.startsWith(`${name}=`))?.setting.slice(name.length + 1);
  return [
    ...told("connection limit", limit, String(limits.connectionLimit)),
    ...Object.entries(timeoutsOf(limits)).flatMap(([name, wanted]) =>
      told(name, settingOf(name) ?? "none", wanted),
    ),
  ];
}
