import type pg from "pg";
import { ident } from "../../src/database/sql.ts";
import { describeRows, describeSchemas } from "../../src/tenant-schemas/describe-schemas.ts";
import type { Tenant } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, urlOf } from "../kit/database.ts";
import { lines, type Place } from "./place.ts";

/** Roles with their attributes, members and settings; databases; schemas with their marks. */
export async function onServer({ sql, tenants }: Place, slug: string): Promise<string[]> {
  const like = `%${slug.replaceAll("-", "\\_")}%`;
  return [
    ...(await lines(
      sql,
      `select 'role ' || r.rolname || ' login=' || r.rolcanlogin || ' password=' || (a.rolpassword is not null)
         || ' until=' || coalesce(r.rolvaliduntil::text, '') || ' limit=' || r.rolconnlimit
         || ' of=' || (select coalesce(string_agg(g.rolname, ',' order by g.rolname), '') from pg_auth_members m
             join pg_roles g on g.oid = m.roleid where m.member = r.oid and g.rolname like $1)
         || ' ' || coalesce((select string_agg(s.setconfig::text, ' ' order by s.setconfig::text)
             from pg_db_role_setting s where s.setrole = r.oid), '')
         || ' ' || coalesce(shobj_description(r.oid, 'pg_authid'), 'unmarked') as line
       from pg_roles r join pg_authid a on a.oid = r.oid where r.rolname like $1`,
      [like],
    )),
    ...(await lines(
      sql,
      `select 'database ' || datname || ' ' || datallowconn || ' '
         || (shobj_description(oid, 'pg_database') is not null) as line
       from pg_database where datname like $1 or datname in
         (select 'tenantry_new_' || replace(id::text, '-', '') from platform.tenant where slug = $2)`,
      [like, slug],
    )),
    ...(await lines(
      tenants,
      `select 'schema ' || nspname || ' ' || coalesce(obj_description(oid, 'pg_namespace'), 'unmarked') as line
       from pg_namespace where nspname like $1`,
      [like],
    )),
  ];
}

/** The catalogs of the tenant's schema, and how many rows its tables have. */
export async function insideOf({ platform, tenants }: Place, tenant: Tenant): Promise<string[]> {
  const { schemaName, ownerRole, databaseName, isolation, slug } = tenant;
  const app = `${schemaName}_app`;
  const look = async (client: pg.Client) => {
    const schemas = [{ name: schemaName, label: "$tenant" }];
    const roles = new Map([
      [ownerRole, "$owner"],
      [app, "$app"],
      [`${app}_b`, "$app_b"],
    ]);
    const ledger = `select 'ledger ' || id as line from ${ident(schemaName)}.tenantry_migration`;
    const hasLedger = await lines(
      client,
      "select 'yes' as line where to_regclass($1) is not null",
      [`${ident(schemaName)}.tenantry_migration`],
    );
    return [
      ...(await describeSchemas(client, { schemas, roles })),
      ...(await describeRows(client, { schemas })),
      ...(hasLedger.length > 0 ? await lines(client, ledger) : []),
    ];
  };
  if (databaseName === null) return [];
  if (isolation === "SCHEMA") return await look(tenants);
  const exists = await lines(
    tenants,
    "select datname as line from pg_database where datname = $1",
    [databaseName],
  );
  if (exists.length === 0) return [`no database of ${slug}`];
  return await asSuperuser(urlOf(platform.databaseUrl, databaseName), look);
}
