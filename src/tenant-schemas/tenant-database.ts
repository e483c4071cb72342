import { createHash } from "node:crypto";
import type { ClientBase } from "pg";
import { serialiseOn } from "../database/locks.ts";
import { ident, literal } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { KEEP_SCHEMAS_WHOLE } from "./citus.ts";

/** The schema of extensions, which all tenants of a database share. */
export const EXTENSIONS_SCHEMA = "ext";

/**
 * The role that may connect to a tenant database and use its extensions; every tenant role there is
 * a member. Granting to each tenant role instead would let the database's access list grow by two
 * entries a tenant, and the server reads that list at every login.
 */
export function groupRoleOf(database: string): string {
  const name = `${database}_tenants`;
  if (Buffer.byteLength(name) <= 63) return name;
  return `tenants_${createHash("sha256").update(database).digest("hex").slice(0, 40)}`;
}

/**
 * The role that may make temporary tables in a database of several tenants; each owner role there is a
 * member, since migrations use such tables.
 */
export const ownersRoleOf = (database: string): string => groupRoleOf(`${database}_owners`);

/** Runs `fn` in a transaction that holds the lock of all changes to shared catalogs. */
export async function underSharedLock<T>(client: ClientBase, fn: () => Promise<T>): Promise<T> {
  await client.query("begin");
  try {
    await serialiseOn(client, "shared-catalogs");
    const answer = await fn();
    await client.query("commit");
    return answer;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

/**
 * Makes the connected database ready to hold tenant schemas: creates `ext` and the group role, and
 * takes from PUBLIC the rights to connect, to make temporary tables and to use `public`. Repeatable.
 *
 * @param client connected as a role that owns the database and may create roles
 * @param mark what the group role's comment says; that of a database that many tenants share unless told
 * @throws DomainError E_PARTIAL_STATE when a role has the group role's name without being it
 */
export async function prepareTenantDatabase(client: ClientBase, mark?: string): Promise<void> {
  await underSharedLock(client, async () => {
    const { rows } = await client.query<{ database: string; hasPublic: boolean }>(
      `select current_database() as database,
         exists (select 1 from pg_catalog.pg_namespace where nspname = 'public') as "hasPublic"`,
    );
    const { database = "", hasPublic = false } = rows[0] ?? {};
    const group = ident(groupRoleOf(database));
    await ensureGroupRole(client, groupRoleOf(database), mark ?? `tenantry:database=${database}`);
    await client.query(KEEP_SCHEMAS_WHOLE);
    await client.query(`create schema if not exists ${EXTENSIONS_SCHEMA}`);
    await client.query(`
      revoke connect, temporary on database ${ident(database)} from public;
      revoke all on schema ${EXTENSIONS_SCHEMA} from public;
      grant connect on database ${ident(database)} to ${group};
      grant usage on schema ${EXTENSIONS_SCHEMA} to ${group}`);
    if (hasPublic) await client.query("revoke all on schema public from public");
    await keepMembersFromGroups(client, database);
  });
}

/**
 * Makes a role a member of a group: it has the group's rights and cannot become it. Before PostgreSQL 16
 * any member can: the group owns nothing and cannot log in, so there is nothing to take by it.
 */
export async function joinGroup(
  client: ClientBase,
  group: string,
  members: readonly string[],
): Promise<void> {
  const options = await membershipOptions(client, "inherit true, set false");
  await client.query(`grant ${ident(group)} to ${members.map(ident).join(", ")} ${options}`);
}

/** What GRANT is told of how a membership may be used, where the server knows such options. */
export async function membershipOptions(client: ClientBase, options: string): Promise<string> {
  return (await grantsEachUse(client)) ? `with ${options}` : "";
}

/** Whether the server grants each use of a membership by name: PostgreSQL 16 and newer. */
export async function grantsEachUse(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ named: boolean }>(
    "select current_setting('server_version_num')::int >= 160000 as named",
  );
  return rows[0]?.named === true;
}

/** Memberships of older releases let members become the group. */
async function keepMembersFromGroups(client: ClientBase, database: string): Promise<void> {
  if (!(await grantsEachUse(client))) return;
  const open = Map.groupBy(await membersBecomingGroups(client, database), ({ group }) => group);
  for (const [group, members] of open)
    await joinGroup(
      client,
      group,
      members.map(({ member }) => member),
    );
}

/** Lists the tenants' roles that can become a group of a database, which nobody should. */
export async function membersBecomingGroups(
  client: ClientBase,
  database: string,
): Promise<{ group: string; member: string }[]> {
  // A column of PostgreSQL 16: before, every member can.
  const { rows } = await client.query<{ group: string; member: string }>(
    `select g.rolname as "group", r.rolname as member
     from pg_catalog.pg_auth_members m
     join pg_catalog.pg_roles g on g.oid = m.roleid
     join pg_catalog.pg_roles r on r.oid = m.member
     where g.rolname = any($1) and coalesce((to_jsonb(m) ->> 'set_option')::bool, true)
       and shobj_description(r.oid, 'pg_authid') like 'tenantry:tenant=%'`,
    [[groupRoleOf(database), ownersRoleOf(database)]],
  );
  return rows;
}

/**
 * Lets a tenant's owner role make temporary tables in the connected database, in the caller's
 * transaction: by itself in the tenant's own, as a member of a group in one of several tenants.
 */
export async function allowTemporaryTables(
  client: ClientBase,
  { database, own, ownerRole }: { database: string; own: boolean; ownerRole: string },
): Promise<void> {
  const allow = (role: string) =>
    client.query(`grant temporary on database ${ident(database)} to ${ident(role)}`);
  if (own) {
    await allow(ownerRole);
    return;
  }
  const group = ownersRoleOf(database);
  if (await ensureGroupRole(client, group, `tenantry:database=${database}`)) await allow(group);
  await joinGroup(client, group, [ownerRole]);
}

/** Answers whether the role was made by this call. */
async function ensureGroupRole(client: ClientBase, name: string, mark: string): Promise<boolean> {
  const { rows } = await client.query<{ mark: string | null }>(
    `select shobj_description(oid, 'pg_authid') as mark from pg_catalog.pg_roles where rolname = $1`,
    [name],
  );
  const [found] = rows;
  if (found?.mark === mark) return false;
  if (found !== undefined) {
    throw new DomainError("E_PARTIAL_STATE", {
      message: `The role ${name} exists already and was not made by Tenantry`,
      detail: { kind: "ROLE", name },
    });
  }
  await client.query(`create role ${ident(name)} nologin`);
  await client.query(`comment on role ${ident(name)} is ${literal(mark)}`);
  return true;
}
