import type { ClientBase } from "pg";
import { sqlStateOf } from "../database/faults.ts";
import { ident, literal } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";
import { alterAppRole } from "./alter-role.ts";
import { schemaBusy } from "./holders.ts";
import { findLeftovers, type Leftover, markOf } from "./leftovers.ts";
import { dropOwnDatabases } from "./own-database.ts";
import { underSharedLock } from "./tenant-database.ts";

/** How many tables one transaction drops: locks are short where several schemas are dropped at once. */
const BATCH = 20;

export interface DroppedTenantSchema {
  /** What was the tenant's and is gone. */
  readonly dropped: readonly Leftover[];
  /** What bears the tenant's names without being the tenant's; it was not touched. */
  readonly foreign: readonly Leftover[];
}

/** Runs work on a connection to another database of the same server. */
type EnterDatabase = <T>(database: string, work: (client: ClientBase) => Promise<T>) => Promise<T>;

/**
 * Drops what bears the tenant's mark: its schema or its own database, and its roles; ends the app
 * roles' sessions first. Repeatable, also when nothing was ever made, and when an earlier call ended
 * half-way.
 *
 * @param client connected to the shared tenant database, whatever the tenant's isolation
 * @param enter where the app roles have left large objects in other databases that let them in
 * @throws DomainError E_PARTIAL_STATE when a role holds anything else in another database, and naming who
 *   holds the tenant's own database or the tables of its schema
 */
export async function dropTenantSchema(
  client: ClientBase,
  { names, tenantId }: { readonly names: TenantNames; readonly tenantId: string },
  enter: EnterDatabase,
): Promise<DroppedTenantSchema> {
  const found = await findLeftovers(client, names, tenantId);
  const ours = found.filter((leftover) => leftover.ours);
  const has = (kind: Leftover["kind"]) => ours.some((leftover) => leftover.kind === kind);
  const roles = ours.filter(({ kind }) => kind.endsWith("_ROLE"));
  /** Runs `work` while nobody changes roles, on those that are still the tenant's. */
  const onOwnRoles = (work: (still: readonly Leftover[]) => Promise<void>) =>
    underSharedLock(client, async () => {
      const now = await findLeftovers(client, names, tenantId);
      const still = new Set(now.filter((leftover) => leftover.ours).map(({ name }) => name));
      await work(roles.filter(({ name }) => still.has(name)));
    });
  if (roles.length > 0) await endSessions(client, onOwnRoles);
  if (has("DATABASE")) await dropOwnDatabases(client, { names, tenantId });
  if (has("SCHEMA")) await dropSchema(client, names.schema, markOf(tenantId));
  if (roles.length > 0) await dropRoles(client, roles, onOwnRoles, enter);
  return { dropped: ours, foreign: found.filter((leftover) => !leftover.ours) };
}

type OnOwnRoles = (work: (still: readonly Leftover[]) => Promise<void>) => Promise<void>;

async function endSessions(client: ClientBase, onOwnRoles: OnOwnRoles): Promise<void> {
  const closed: string[] = [];
  await onOwnRoles(async (still) => {
    for (const { kind, name } of still) {
      if (kind !== "APP_ROLE") continue;
      await alterAppRole(client, name, "nologin");
      closed.push(name);
    }
  });
  // The second argument waits for the session's end, in milliseconds.
  await client.query(
    `select pg_catalog.pg_terminate_backend(pid, 5000)
     from pg_catalog.pg_stat_activity where usename = any($1)`,
    [closed],
  );
}

/** A statement that is carried out where the schema bears the mark at that moment. */
const whereMarked = (schema: string, mark: string, statement: string): string => `do $marked$
begin
  if exists (
    select from pg_catalog.pg_namespace where nspname = ${literal(schema)}
      and obj_description(oid, 'pg_namespace') = ${literal(mark)})
  then
    execute ${literal(statement)};
  end if;
end $marked$`;

/**
 * Drops a schema that bears the mark; names who holds tables that were waited for in vain. A schema of 100
 * tables takes some 2,600 locks to drop at once, and a server has 6,400 by default, for everybody: so many
 * tables go in batches first.
 */
async function dropSchema(client: ClientBase, schema: string, mark: string): Promise<void> {
  const drop = (what: string) => client.query(whereMarked(schema, mark, `drop ${what} cascade`));
  try {
    const tables = await tablesOf(client, schema);
    for (let at = 0; tables.length > BATCH && at < tables.length; at += BATCH)
      await drop(`table if exists ${tables.slice(at, at + BATCH).join(", ")}`);
    await drop(`schema ${ident(schema)}`);
  } catch (error) {
    if (sqlStateOf(error) !== "55P03") throw error;
    throw (await schemaBusy(client, schema, error)) ?? error;
  }
}

async function tablesOf(client: ClientBase, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p')`,
    [schema],
  );
  return rows.map(({ name }) => `${ident(schema)}.${ident(name)}`);
}

async function dropRoles(
  client: ClientBase,
  found: readonly Leftover[],
  onOwnRoles: OnOwnRoles,
  enter: EnterDatabase,
): Promise<void> {
  const roles = found.map(({ name }) => name);
  const others = await otherDatabasesOf(client, roles);
  for (const { name, largeObjects } of others)
    if (largeObjects) await enter(name, (other) => unlinkLargeObjects(other, roles));
  try {
    await onOwnRoles(async (still) => {
      if (still.length === 0) return;
      // What a group role was given went with its database, and an admin need not be its member.
      const owners = still.filter(({ kind }) => kind !== "GROUP_ROLE");
      const quoted = (some: readonly Leftover[]) => some.map(({ name }) => ident(name)).join(", ");
      if (owners.length > 0) await client.query(`drop owned by ${quoted(owners)}`);
      await client.query(`drop role ${quoted(still)}`);
    });
  } catch (cause) {
    if (sqlStateOf(cause) !== "2BP01" || !(cause instanceof Error)) throw cause;
    const where = others.map(({ name }) => name).join(", ") || "another database";
    throw new DomainError("E_PARTIAL_STATE", {
      message: `The roles ${roles.join(", ")} still hold something in ${where}`,
      detail: { roles, reason: cause.message },
      cause,
    });
  }
}

interface OtherDatabase {
  readonly name: string;
  /** Whether large objects are among what the roles own there. */
  readonly largeObjects: boolean;
}

/** The other databases of the server in which roles own something or have rights. */
async function otherDatabasesOf(
  client: ClientBase,
  roles: readonly string[],
): Promise<OtherDatabase[]> {
  const { rows } = await client.query<OtherDatabase>(
    `select d.datname as name,
       bool_or(s.classid = 'pg_catalog.pg_largeobject'::regclass) as "largeObjects"
     from pg_catalog.pg_shdepend s
     join pg_catalog.pg_roles r on r.oid = s.refobjid
     join pg_catalog.pg_database d on d.oid = s.dbid
     where s.refclassid = 'pg_catalog.pg_authid'::regclass and r.rolname = any($1)
       and d.datname <> current_database()
     group by d.datname order by d.datname`,
    [roles],
  );
  return rows;
}

/**
 * Wherever PUBLIC may connect, as it may to `postgres` by default, any role may make large objects, and
 * keep itself from being dropped. Whatever else is there somebody has given it a right to: that is told.
 */
async function unlinkLargeObjects(client: ClientBase, roles: readonly string[]): Promise<void> {
  await client.query(
    `select pg_catalog.lo_unlink(l.oid) from pg_catalog.pg_largeobject_metadata l
     join pg_catalog.pg_roles r on r.oid = l.lomowner where r.rolname = any($1)`,
    [roles],
  );
}
