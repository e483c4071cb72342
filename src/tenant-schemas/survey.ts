import type { ClientBase } from "pg";
import { ident, literal } from "../database/sql.ts";
import type { RoleSetting } from "./alter-role.ts";
import { LEDGER, type LedgerRow, rowsOrNone } from "./ledger.ts";

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
  /** How many sessions it may have; -1 for any number. */
  readonly connectionLimit: number;
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
       select r.oid, r.rolname, r.rolcanlogin, r.rolconnlimit, d.description, ${IS_HOME} as home
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
       d.rolconnlimit as "connectionLimit",
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

/** What the ledger of a tenant schema holds, in the order in which it was applied. */
export type SurveyedLedger = readonly Pick<LedgerRow, "id" | "sha256">[];

/**
 * Reads the ledgers of several schemas in one query, by schema; equal ones are fetched once. It locks each
 * of them and makes the server's backend remember it: ask for some dozens at a time, each time on a pooled
 * connection. A schema that was dropped meanwhile leaves the answer empty.
 *
 * @param known the ledgers that were met so far, by what they are hashed to; it is added to
 */
export async function surveyLedgers(
  client: ClientBase,
  schemas: readonly string[],
  known: Map<string, SurveyedLedger>,
): Promise<Map<string, SurveyedLedger>> {
  const hashes = await fromEach<{ hash: string }>(
    client,
    schemas,
    `md5(coalesce(string_agg(id || ' ' || sha256, '; ' order by applied_at, id), '')) as hash`,
  );
  const news = hashes.filter(({ hash }, at) => {
    const first = hashes.findIndex((other) => other.hash === hash) === at;
    return first && !known.has(hash);
  });
  const read = await fromEach<{ rows: SurveyedLedger | null }>(
    client,
    news.map(({ schema }) => schema),
    `json_agg(json_build_object('id', id, 'sha256', sha256) order by applied_at, id) as rows`,
  );
  const hashOf = new Map(hashes.map(({ schema, hash }) => [schema, hash]));
  for (const { schema, rows } of read) known.set(hashOf.get(schema) ?? "", rows ?? []);
  return new Map(hashes.map(({ schema, hash }) => [schema, known.get(hash) ?? []]));
}

/** One row from the ledger of each schema; none where one of them is gone. */
async function fromEach<Row extends object>(
  client: ClientBase,
  schemas: readonly string[],
  what: string,
): Promise<(Row & { readonly schema: string })[]> {
  if (schemas.length === 0) return [];
  const parts = schemas.map(
    (schema) => `select ${literal(schema)} as schema, ${what} from ${ident(schema)}.${LEDGER}`,
  );
  return await rowsOrNone(client, parts.join(" union all "));
}

/** An index that was not built to its end. */
export interface InvalidIndex {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
}

/**
 * Lists the INVALID indexes of some schemas in one query, which goes from a schema to its tables to their
 * indexes and reads nothing of other tenants.
 *
 * @param owners owner roles whose schemas are looked at, too, whatever they are called
 */
export async function surveyInvalidIndexes(
  client: ClientBase,
  schemas: readonly string[],
  owners: readonly string[],
): Promise<InvalidIndex[]> {
  const { rows } = await client.query<InvalidIndex>(
    `select n.nspname as schema, t.relname as "table", i.relname as name
     from pg_catalog.pg_namespace n
     join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_namespace'::regclass
       and d.refobjid = n.oid and d.classid = 'pg_catalog.pg_class'::regclass
     join pg_catalog.pg_index x on x.indrelid = d.objid and not x.indisvalid
     join pg_catalog.pg_class i on i.oid = x.indexrelid
     join pg_catalog.pg_class t on t.oid = x.indrelid
     where n.oid in (
       select oid from pg_catalog.pg_namespace where nspname = any($1)
       union
       select oid from pg_catalog.pg_namespace
       where cardinality($2::text[]) > 0 and pg_catalog.pg_get_userbyid(nspowner) = any($2))
     order by 1, 2, 3`,
    [schemas, owners],
  );
  return rows;
}
