import type { ClientBase } from "pg";
import { ident, literal } from "../database/sql.ts";
import type { TenantNames } from "../tenants/names.ts";
import { findLeftovers, type Leftover, markOf, partialState } from "./leftovers.ts";
import { EXTENSIONS_SCHEMA, groupRoleOf, underSharedLock } from "./tenant-database.ts";

export interface CreateTenantSchema {
  readonly names: TenantNames;
  readonly tenantId: string;
  /** The app role's password as `scramVerifier` answers it. */
  readonly appPasswordVerifier: string;
  /** The connected database, in which the schema lies and to which the app role may connect. */
  readonly connectDatabase: string;
  /** Whether the app role may log in: true unless told, false for a suspended tenant. */
  readonly mayLogIn?: boolean;
}

/**
 * Creates a tenant's two roles and its schema, all in one transaction, each marked with the tenant's
 * id. Repeatable: what exists of this tenant stays, and its rights and password are set again.
 *
 * @param client connected to a database that `prepareTenantDatabase` has prepared
 * @returns whether the schema was made by this call
 * @throws DomainError E_PARTIAL_STATE naming a schema or role of that name which is not the tenant's
 */
export async function createTenantSchema(
  client: ClientBase,
  request: CreateTenantSchema,
): Promise<{ created: boolean }> {
  if (!/^SCRAM-SHA-256\$\d+:/.test(request.appPasswordVerifier)) {
    throw new TypeError("appPasswordVerifier is not a SCRAM-SHA-256 verifier");
  }
  return await underSharedLock(client, async () => {
    const existing = await ownLeftovers(client, request);
    const has = (kind: Leftover["kind"]) => existing.some((leftover) => leftover.kind === kind);
    await createRoles(client, request, has);
    if (!has("SCHEMA")) await createSchema(client, request);
    await grantRights(client, request);
    return { created: !has("SCHEMA") };
  });
}

async function ownLeftovers(
  client: ClientBase,
  { names, tenantId }: CreateTenantSchema,
): Promise<Leftover[]> {
  const existing = await findLeftovers(client, names, tenantId);
  const relevant = existing.filter(({ kind }) => kind !== "DATABASE");
  const foreign = relevant.find(({ ours }) => !ours);
  if (foreign !== undefined) throw partialState(foreign);
  return relevant;
}

async function createRoles(
  client: ClientBase,
  { names, tenantId, appPasswordVerifier, connectDatabase, mayLogIn = true }: CreateTenantSchema,
  has: (kind: Leftover["kind"]) => boolean,
): Promise<void> {
  const [owner, app] = [ident(names.ownerRole), ident(names.appRole)];
  const mark = literal(markOf(tenantId));
  const group = ident(groupRoleOf(connectDatabase));
  if (!has("OWNER_ROLE")) await client.query(`create role ${owner} nologin`);
  if (!has("APP_ROLE")) await client.query(`create role ${app} nologin`);
  await client.query(`
    comment on role ${owner} is ${mark};
    comment on role ${app} is ${mark};
    alter role ${app} ${mayLogIn ? "login" : "nologin"} password ${literal(appPasswordVerifier)};
    grant ${group} to ${owner}, ${app};
    alter role ${app} in database ${ident(connectDatabase)}
      set search_path = ${ident(names.schema)}, ${EXTENSIONS_SCHEMA}`);
  await joinAsAdmin(client, [owner, app]);
}

/**
 * An admin that is no superuser must be a member of the roles it made, to work as the owner and to
 * drop what they own; since PostgreSQL 16 each use of the membership is granted by name.
 */
async function joinAsAdmin(client: ClientBase, roles: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ superuser: boolean; version: number }>(
    `select current_setting('is_superuser')::bool as superuser,
       current_setting('server_version_num')::int as version`,
  );
  if (rows[0]?.superuser !== false) return;
  const options = rows[0].version >= 160_000 ? "with inherit true, set true" : "";
  await client.query(`grant ${roles.join(", ")} to current_user ${options}`);
}

async function createSchema(
  client: ClientBase,
  { names, tenantId }: CreateTenantSchema,
): Promise<void> {
  await client.query(`
    create schema ${ident(names.schema)} authorization ${ident(names.ownerRole)};
    comment on schema ${ident(names.schema)} is ${literal(markOf(tenantId))}`);
}

/** The app role works on the data of all tables, present and future, and changes no table. */
async function grantRights(client: ClientBase, { names }: CreateTenantSchema): Promise<void> {
  const [schema, owner, app] = [names.schema, names.ownerRole, names.appRole].map(ident);
  const future = `alter default privileges for role ${owner} in schema ${schema}`;
  await client.query(`
    grant usage on schema ${schema} to ${app};
    alter default privileges for role ${owner} revoke execute on functions from public;
    ${future} grant select, insert, update, delete on tables to ${app};
    ${future} grant usage, select on sequences to ${app};
    ${future} grant execute on functions to ${app}`);
}
