import type pg from "pg";
import { ident } from "../../src/database/sql.ts";
import type { Platform } from "../../src/platform.ts";
import { findTenant } from "../../src/tenants/registry.ts";
import { asSuperuser, urlOf } from "./database.ts";

/** Everything outside the journal and the audit trail that an operation may leave: to compare before and after. */
export interface World {
  readonly schemas: string[];
  /** Those that the tenant's name leads to, and those that are not marked yet. */
  readonly databases: string[];
  readonly roles: string[];
  readonly secrets: string[];
  readonly identities: string[];
  readonly memberships: number;
  readonly invitations: number;
  readonly pendingMail: number;
  readonly placed: string[];
}

const column = async (client: pg.Client, sql: string): Promise<string[]> =>
  (await client.query<[string]>({ text: sql, rowMode: "array" })).rows.map(([value]) => value);

const tenantsUrl = ({ databaseUrl }: Platform): string =>
  urlOf(databaseUrl, `${new URL(databaseUrl).pathname.slice(1)}_tenants`);

/** Looks at a platform's world; roles are those that the schemas' names lead to. */
export async function worldOf(platform: Platform, stem: string): Promise<World> {
  const schemas = await asSuperuser(tenantsUrl(platform), (client) =>
    column(client, "select nspname from pg_namespace where nspname like 'org\\_%' order by 1"),
  );
  return await asSuperuser(platform.databaseUrl, async (client) => ({
    schemas,
    ...(await sharedWorldOf(client, stem)),
  }));
}

/** What the platform database shows. */
async function sharedWorldOf(client: pg.Client, stem: string): Promise<Omit<World, "schemas">> {
  const like = `'%${stem.replaceAll("-", "_")}%'`;
  const count = async (table: string, where = "true") =>
    Number((await column(client, `select count(*) from platform.${table} where ${where}`))[0]);
  return {
    databases: await column(
      client,
      `select datname from pg_database where datname like ${like} and datname like 'tenant%'
         or datname in (select 'tenantry_new_' || replace(id::text, '-', '') from platform.tenant)
       order by 1`,
    ),
    roles: await column(
      client,
      `select rolname from pg_roles where rolname like ${like} order by 1`,
    ),
    secrets: await column(
      client,
      "select distinct name from platform.secret_version where name like 'tenant-db-%' order by 1",
    ),
    identities: await column(client, "select email from platform.identity order by 1"),
    memberships: await count("membership"),
    invitations: await count("invitation"),
    pendingMail: await count("mail", `state = 'PENDING' and recipient like '${stem}%'`),
    placed: await column(
      client,
      "select slug from platform.tenant where db_server_id is not null order by 1",
    ),
  };
}

/** A platform's world, and the inside of one tenant: its row, its logins, and its tables with their rows. */
export interface TenantWorld extends Omit<World, "pendingMail"> {
  readonly registry: Record<string, unknown> | null;
  readonly logins: string[];
  readonly tables: string[];
}

/** Looks at the world and into one tenant; what an operation that was undone must not have changed. */
export async function tenantWorldOf(platform: Platform, slug: string): Promise<TenantWorld> {
  const tenant = await findTenant(platform.orm.em.fork(), { slug });
  // A secret that was stored again has another version.
  const {
    updatedAt: _,
    secretVersion: _version,
    ...registry
  } = tenant ? { ...tenant } : { updatedAt: null, secretVersion: null };
  const stem = slug.replaceAll("-", "_");
  const url = tenant?.databaseName
    ? urlOf(platform.databaseUrl, tenant.databaseName)
    : tenantsUrl(platform);
  // The mail of the tenant's provisioning goes out by itself meanwhile.
  const { pendingMail: _mail, ...world } = await worldOf(platform, slug);
  return await asSuperuser(url, async (client) => ({
    ...world,
    registry: tenant && registry,
    logins: await column(
      client,
      `select rolname from pg_roles where rolcanlogin and rolname like '%${stem}%' order by 1`,
    ),
    tables: await tablesOf(client, `org_${stem}`),
  }));
}

/** The tables of a schema, each with how many rows it has. */
async function tablesOf(client: pg.Client, schema: string): Promise<string[]> {
  const names = await column(
    client,
    `select relname from pg_class where relkind = 'r' and relnamespace = to_regnamespace('${schema}') order by 1`,
  );
  const counts = names.map(
    (name) => `select '${name} ' || count(*) as rows from ${schema}.${ident(name)}`,
  );
  return names.length === 0 ? [] : await column(client, counts.join(" union all "));
}
