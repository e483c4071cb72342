// The final state of a tenant schema as one text: what provisioning is measured against, since no way
// of making the same schema costs the server less.

import type pg from "pg";
import { ident, literal } from "../src/database/sql.ts";

/**
 * Dumps the tables, functions, views, triggers, comments and rows of a schema, without Tenantry's own
 * tables, as statements that name no schema. Knows what the bundled schema uses; `contentsOf` tells
 * whether something was left out.
 */
export async function dumpFlat(client: pg.Client, schema: string): Promise<string[]> {
  const list = async (sql: string) =>
    (await client.query<{ sql: string }>(sql, [schema])).rows.map((row) => row.sql);
  const before = [...(await list(FUNCTIONS)), ...(await list(TABLES)), ...(await list(INDEXES))];
  const rows = await insertsOf(client, schema);
  const behind = [...(await list(VIEWS)), ...(await list(TRIGGERS)), ...(await list(COMMENTS))];
  return [...before, ...behind, ...rows].map((sql) => sql.replaceAll(`${schema}.`, ""));
}

/** What a schema holds, told in numbers that do not depend on how it came about. */
export async function contentsOf(client: pg.Client, schema: string): Promise<unknown> {
  const { rows } = await client.query<{ contents: Record<string, number> }>(CONTENTS, [schema]);
  const tables = await tablesOf(client, schema);
  const counts = tables.map((table) => `(select count(*) from ${ident(schema)}.${ident(table)})`);
  const counted = await client.query<{ counts: string[] }>(`select array[${counts}] as counts`);
  return { ...rows[0]?.contents, tables, counts: counted.rows[0]?.counts };
}

const OWN = "and not starts_with(c.relname, 'tenantry_')";
const HERE = `from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 ${OWN}`;

const FUNCTIONS = `select pg_get_functiondef(p.oid) as sql
  from pg_proc p where p.pronamespace = $1::regnamespace order by oid`;

/** Constraints stand in the table that has them: the tables come in the order they were made in. */
const TABLES = `select format('create table %I (%s)', c.relname, concat_ws(', ',
    (select string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
        case when a.attgenerated = 's' then format('generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
             when a.attidentity <> '' then format('generated %s as identity', case a.attidentity when 'a' then 'always' else 'by default' end)
             when d.adbin is not null then 'default ' || pg_get_expr(d.adbin, d.adrelid) end,
        case when a.attnotnull then 'not null' end), ', ' order by a.attnum)
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    (select string_agg(format('constraint %I %s', o.conname, pg_get_constraintdef(o.oid)), ', ' order by o.oid)
      from pg_constraint o where o.conrelid = c.oid and o.contype in ('p', 'u', 'c', 'f', 'x')))) as sql
  ${HERE} and c.relkind = 'r' order by c.oid`;

const INDEXES = `select pg_get_indexdef(i.indexrelid) as sql
  from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 ${OWN}
    and not exists (select from pg_constraint o where o.conindid = i.indexrelid and o.conrelid = c.oid)
  order by i.indexrelid`;

const VIEWS = `select format('create view %I as %s', c.relname, rtrim(pg_get_viewdef(c.oid), ';')) as sql
  ${HERE} and c.relkind = 'v' order by c.oid`;

const TRIGGERS = `select pg_get_triggerdef(t.oid) as sql
  from pg_trigger t join pg_class c on c.oid = t.tgrelid
  where c.relnamespace = $1::regnamespace and not t.tgisinternal order by t.oid`;

const COMMENTS = `select format('comment on %s %I%s is %L', case c.relkind when 'v' then 'view' else 'table' end,
    c.relname, '', d.description) as sql
  from pg_description d join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
  where d.objsubid = 0 and c.relkind in ('r', 'v') and c.relnamespace = $1::regnamespace
  union all
  select format('comment on column %I.%I is %L', c.relname, a.attname, d.description)
  from pg_description d join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
  join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid
  where d.objsubid > 0 and c.relnamespace = $1::regnamespace
  union all
  select format('comment on function %s is %L', p.oid::regprocedure, d.description)
  from pg_description d join pg_proc p on p.oid = d.objoid and d.classoid = 'pg_proc'::regclass
  where p.pronamespace = $1::regnamespace`;

const CONTENTS = `with relation as (select c.oid, c.relkind ${HERE})
  select jsonb_build_object(
    'relations', (select jsonb_object_agg(relkind, n) from (select relkind, count(*) as n from relation group by 1) k),
    'columns', (select count(*) from pg_attribute where attrelid in (select oid from relation) and attnum > 0),
    'defaults', (select count(*) from pg_attrdef where adrelid in (select oid from relation)),
    'constraints', (select jsonb_object_agg(contype, n) from (select contype, count(*) as n
      from pg_constraint where conrelid in (select oid from relation) group by 1) k),
    'triggers', (select count(*) from pg_trigger where tgrelid in (select oid from relation) and not tgisinternal),
    'functions', (select count(*) from pg_proc where pronamespace = $1::regnamespace),
    'comments', (select count(*) from pg_description where objoid in (select oid from relation)),
    'rights', (select count(*) from pg_class where oid in (select oid from relation) and relacl is not null)
  ) as contents`;

async function tablesOf(client: pg.Client, schema: string): Promise<string[]> {
  const sql = `select c.relname as name ${HERE} and c.relkind = 'r' order by c.oid`;
  return (await client.query<{ name: string }>(sql, [schema])).rows.map(({ name }) => name);
}

/** The rows of each table as one INSERT, and the identity sequences where those have left them. */
async function insertsOf(client: pg.Client, schema: string): Promise<string[]> {
  const statements: string[] = [];
  for (const table of await tablesOf(client, schema)) {
    const { rows: columns } = await client.query<{ name: string; identity: boolean }>(
      `select attname as name, attidentity <> '' as identity from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''
       order by attnum`,
      [`${ident(schema)}.${ident(table)}`],
    );
    const names = columns.map(({ name }) => ident(name));
    const { rows } = await client.query<{ values: (string | null)[] }>(
      `select array[${names.map((name) => `${name}::text`)}] as values
       from ${ident(schema)}.${ident(table)} order by ctid`,
    );
    if (rows.length === 0) continue;
    const values = rows.map(
      (row) => `(${row.values.map((v) => (v === null ? "null" : literal(v)))})`,
    );
    statements.push(
      `insert into ${ident(table)} (${names}) overriding system value values ${values}`,
      ...columns
        .filter(({ identity }) => identity)
        .map(
          ({ name }) =>
            `select setval(pg_get_serial_sequence(${literal(ident(table))}, ${literal(name)}), max(${ident(name)})) from ${ident(table)}`,
        ),
    );
  }
  return statements;
}
