import type { ClientBase } from "pg";
import { ident, literal } from "../database/sql.ts";
import { type LoginPlace, resetSettings, setLoginSettings, setSearchPath } from "./alter-role.ts";
import { DISTRIBUTE_SCHEMAS, isOnCitus } from "./citus.ts";
import { findLeftovers, type Leftover, markOf, partialState } from "./leftovers.ts";
import {
  allowTemporaryTables,
  groupRoleOf,
  joinGroup,
  membershipOptions,
  underSharedLock,
} from "./tenant-database.ts";

export interface CreateTenantSchema extends LoginPlace {
  readonly tenantId: string;
  /** Which of the two app roles the application logs in as: the first one unless told. */
  readonly login?: string;
  /** That app role's password as `scramVerifier` answers it. */
  readonly appPasswordVerifier: string;
  /** Whether it may log in: true unless told, false for a suspended tenant. */
  readonly mayLogIn?: boolean;
}

/**
 * Creates a tenant's roles and its schema, all in one transaction, each marked with the tenant's
 * id. Repeatable: what exists of this tenant stays, and its rights and password are set again. On a
 * Citus cluster the schema is a distributed one, and the owner role may log in, without a password.
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
    const has = (name: string) => existing.some((leftover) => leftover.name === name);
    const { schema } = request.names;
    await createRoles(client, request, has);
    if (!has(schema)) await createSchema(client, request);
    await grantRights(client, request);
    return { created: !has(schema) };
  });
}

async function ownLeftovers(
  client: ClientBase,
  { names, tenantId }: CreateTenantSchema,
): Promise<Leftover[]> {
  const existing = await findLeftovers(client, names, tenantId);
  const relevant = existing.filter(({ kind }) => kind !== "DATABASE" && kind !== "GROUP_ROLE");
  const foreign = relevant.find(({ ours }) => !ours);
  if (foreign !== undefined) throw partialState(foreign);
  return relevant;
}

async function createRoles(
  client: ClientBase,
  request: CreateTenantSchema,
  has: (name: string) => boolean,
): Promise<void> {
  const { names, tenantId, appPasswordVerifier, connectDatabase, mayLogIn = true } = request;
  const { login = names.appRole } = request;
  const [owner, app] = [ident(names.ownerRole), ident(names.appRole)];
  const mark = literal(markOf(tenantId));
  if (!has(names.ownerRole)) await client.query(`create role ${owner} nologin`);
  if (!has(names.appRole)) await client.query(`create role ${app} nologin`);
  await client.query(`
    comment on role ${owner} is ${mark};
    comment on role ${app} is ${mark}`);
  await joinGroup(client, groupRoleOf(connectDatabase), [names.ownerRole, names.appRole]);
  const own = connectDatabase === names.database;
  await allowTemporaryTables(client, {
    database: connectDatabase,
    own,
    ownerRole: names.ownerRole,
  });
  const existing = [names.ownerRole, names.appRole, names.appRoleB].filter(
    (role) => role !== names.appRoleB || has(role),
  );
  await resetSettings(client, existing, request);
  // Nodes enter one another as the role that works, and find names as it does here.
  if (await isOnCitus(client)) {
    await client.query(`alter role ${owner} login`);
    await setSearchPath(client, names.ownerRole, request);
  }
  await joinAsAdmin(client, [owner, app]);
  if (login === names.appRoleB && !has(login)) await createAppRoleB(client, request);
  await client.query(
    `alter role ${ident(login)} ${mayLogIn ? "login" : "nologin"} password ${literal(appPasswordVerifier)}`,
  );
}

/**
 * Creates the second app role, which cannot log in yet, in the caller's transaction. It inherits the
 * rights of the first one, so that nothing is granted twice.
 */
export async function createAppRoleB(
  client: ClientBase,
  request: LoginPlace & Pick<CreateTenantSchema, "tenantId">,
): Promise<void> {
  const { names, tenantId } = request;
  const role = ident(names.appRoleB);
  await client.query(`
    create role ${role} nologin;
    comment on role ${role} is ${literal(markOf(tenantId))};
    grant ${ident(names.appRole)} to ${role}`);
  await setLoginSettings(client, names.appRoleB, request);
  await joinAsAdmin(client, [role]);
}

/**
 * An admin that is no superuser must be a member of the roles it made, to work as the owner and to
 * drop what they own; since PostgreSQL 16 each use of the membership is granted by name.
 */
async function joinAsAdmin(client: ClientBase, roles: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ superuser: boolean }>(
    "select current_setting('is_superuser')::bool as superuser",
  );
  if (rows[0]?.superuser !== false) return;
  const options = await membershipOptions(client, "inherit true, set true");
  await client.query(`grant ${roles.join(", ")} to current_user ${options}`);
}

async function createSchema(
  client: ClientBase,
  { names, tenantId }: CreateTenantSchema,
): Promise<void> {
  await client.query(DISTRIBUTE_SCHEMAS);
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
