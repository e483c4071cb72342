import type { ClientBase } from "pg";
import { ident, literal } from "../database/sql.ts";
import type { RoleSetting } from "./alter-role.ts";
import { LEDGER, rowsOrNone, VERSION_SQL } from "./ledger.ts";

/** A schema that bears a tenant's mark, or a name of the form that tenants' schemas have. */
export interface SurveyedSchema {
  readonly name: string;
  /** Whose it is by its mark; null when it bears none. */
  readonly tenantId: string | null;
  /** Whether migrations and seeds were ever applied to it. */
  readonly hasLedger: boolean;
  readonly hasSeedLedger: boolean;
}

/** A role of the server, found in the same way. */
export interface SurveyedRole {
  readonly name: string;
  readonly tenantId: string | null;
  readonly canLogin: boolean;
  readonly settings: readonly RoleSetting[];
  /**
   * Whether it may enter one of this platform's tenant databases, as its tenants' roles may; the
   * second app role may as a member of the first.
   */
  readonly belongs: boolean;
}

/** A tenant's own database, found in the same way. */
export interface SurveyedDatabase {
  readonly name: string;
  readonly tenantId: string | null;
  /** Whether its mark says that this platform made it. */
  readonly belongs: boolean;
}

const TENANT_OF_MARK = "substring(d.description from '^tenantry:tenant=([^;]+)')";
/** The tenant of a database that could not be marked yet: see `unmarkedNameOf`. */
const TENANT_OF_NAME = "substring(b.datname from '^tenantry_new_([0-9a-f]{32})$')::uuid::text";
/** Whether a mark names the connected database, which is the shared one of a platform, as its home. */
const IS_HOME = "coalesce(substring(d.description from ';home=(.+)$') = current_database(), false)";

/**
 * Lists every tenant schema of the connected database in one query of the catalog, which touches no
 * tenant's table and takes milliseconds for thousands of them.
 *
 * @param prefix what the names of tenants' schemas begin with
 */
export async function surveySchemas(client: ClientBase, prefix: string): Promise<SurveyedSchema[]> {
  const { rows } = await client.query<SurveyedSchema>(
    `select n.nspname as name, ${TENANT_OF_MARK} as "tenantId",
       exists (select 1 from pg_catalog.pg_class c where c.relname = 'tenantry_migration'
         and c.relnamespace = n.oid and c.relkind = 'r') as "hasLedger",
       exists (select 1 from pg_catalog.pg_class c where c.relname = 'tenantry_seed'
         and c.relnamespace = n.oid and c.relkind = 'r') as "hasSeedLedger"
     from pg_catalog.pg_namespace n
     left join pg_catalog.pg_description d
       on d.objoid = n.oid and d.classoid = 'pg_catalog.pg_namespace'::regclass and d.objsubid = 0
     where starts_with(n.nspname, $1) or starts_with(d.description, 'tenantry:tenant=')`,
    [prefix],
  );
  return rows;
}

/**
 * Lists every tenant role of the server in one query; a server may hold other platforms' roles.
 *
 * @param client connected to the server's shared tenant database
 */
export async function surveyRoles(client: ClientBase, prefix: string): Promise<SurveyedRole[]> {
  const { rows } = await client.query<SurveyedRole>(
    `with recursive described as (
       select r.oid, r.rolname, r.rolcanlogin, d.description, ${IS_HOME} as home
       from pg_catalog.pg_roles r
       left join pg_catalog.pg_shdescription d
         on d.objoid = r.oid and d.classoid = 'pg_catalog.pg_authid'::regclass),
     members as (
       select m.member from pg_catalog.pg_auth_members m
       join described g on g.oid = m.roleid
       where g.home or g.description = 'tenantry:database=' || current_database()
       union
       select m.member from pg_catalog.pg_auth_members m
       join members on members.member = m.roleid),
     settings as (
       select s.setrole, jsonb_agg(jsonb_build_object('database', b.datname, 'setting', c)) as settings
       from pg_catalog.pg_db_role_setting s
       left join pg_catalog.pg_database b on b.oid = s.setdatabase, unnest(s.setconfig) c
       group by s.setrole)
     select d.rolname as name, ${TENANT_OF_MARK} as "tenantId", d.rolcanlogin as "canLogin",
       d.home or members.member is not null as belongs, coalesce(s.settings, '[]') as settings
     from described d
     left join members on members.member = d.oid
     left join settings s on s.setrole = d.oid
     where starts_with(d.rolname, $1) or starts_with(d.description, 'tenantry:tenant=')`,
    [prefix],
  );
  return rows;
}

/**
 * Lists the databases of the server that bear a tenant's mark, and those that bear the name of one,
 * in one query.
 *
 * @param client connected to the server's shared tenant database
 */
export async function surveyDatabases(client: ClientBase): Promise<SurveyedDatabase[]> {
  const { rows } = await client.query<SurveyedDatabase>(
    `select b.datname as name, ${IS_HOME} as belongs,
       coalesce(${TENANT_OF_MARK}, ${TENANT_OF_NAME}) as "tenantId"
     from pg_catalog.pg_database b
     left join pg_catalog.pg_shdescription d
       on d.objoid = b.oid and d.classoid = 'pg_catalog.pg_database'::regclass
     where starts_with(b.datname, 'tenant_') or starts_with(d.description, 'tenantry:tenant=')
       or ${TENANT_OF_NAME} is not null`,
  );
  return rows;
}

/** The last applied migration of a tenant schema by its own ledger, and how many there are. */
export interface SurveyedLedger {
  readonly version: string | null;
  readonly migrations: number;
}

/**
 * Reads the ledgers of several schemas in one query, by schema. It locks each of them and makes the
 * server's backend remember it: ask for some dozens at a time, each time on a pooled connection.
 * A schema that was dropped meanwhile leaves the answer empty.
 */
export async function surveyLedgers(
  client: ClientBase,
  schemas: readonly string[],
): Promise<Map<string, SurveyedLedger>> {
  const parts = schemas.map(
    (schema) => `select ${literal(schema)} as schema, count(*)::int as migrations,
      ${VERSION_SQL} as version
      from ${ident(schema)}.${LEDGER}`,
  );
  if (parts.length === 0) return new Map();
  const rows = await rowsOrNone<SurveyedLedger & { schema: string }>(
    client,
    parts.join(" union all "),
  );
  return new Map(rows.map(({ schema, version, migrations }) => [schema, { version, migrations }]));
}
