import type { ClientBase } from "pg";
import { ident, literal } from "../database/sql.ts";
import { relationQueries } from "./describe-relations.ts";
import { rightsQueries, unmodelledQuery } from "./describe-rights.ts";
import { routineQueries } from "./describe-routines.ts";
import { labeller } from "./describe-text.ts";

/** A schema and what it is called in a description. */
export interface LabelledSchema {
  readonly name: string;
  readonly label: string;
}

/** What is described, and what schemas and roles are called in it. */
export interface DescribeSchemas {
  readonly schemas: readonly LabelledSchema[];
  /** Labels of roles by their names; another role keeps its name. */
  readonly roles: ReadonlyMap<string, string>;
}

/**
 * Describes everything in some schemas of a database, as PostgreSQL has it: sorted lines of text, equal
 * for schemas that are equal, whatever their names, roles and numbers in the catalog are. Owners come in
 * lines of their own that begin with `owner`, rights in lines that begin with `grant`; what no query
 * takes comes as `unmodelled`. Tenantry's own objects and those of extensions are left out. Reads
 * catalogs only, all of one moment; takes no lock on any table. For PostgreSQL 15 to 18.
 *
 * @param client in no transaction
 * @returns nothing of a schema that does not exist
 */
export async function describeSchemas(
  client: ClientBase,
  { schemas, roles }: DescribeSchemas,
): Promise<string[]> {
  const labels = new Map(schemas.map(({ name, label }) => [name, label]));
  const label = labeller({ schemas: labels, roles });
  const lines = await inOneMoment(client, async () => {
    const oids = await oidsOf(client, [...labels.keys()]);
    return oids === "" ? [] : await linesOf(client, oids);
  });
  return lines.map(label).toSorted();
}

/** The numbers of the schemas, as SQL has a list. */
async function oidsOf(client: ClientBase, names: readonly string[]): Promise<string> {
  const { rows } = await client.query<{ oid: string }>(
    "select oid::text from pg_namespace where nspname = any($1)",
    [names],
  );
  return rows.map(({ oid }) => oid).join(", ");
}

/** All queries in one round trip. */
async function linesOf(client: ClientBase, oids: string): Promise<string[]> {
  const queries = [...relationQueries(oids), ...routineQueries(oids), ...rightsQueries(oids)];
  const text = [...queries, unmodelledQuery(oids)].join(";\n");
  const results = (await client.query(text)) as unknown as { rows: { line: string }[] }[];
  return results.flatMap(({ rows }) => rows.map(({ line }) => line));
}

/** With an empty path every name outside of pg_catalog is told with its schema. */
async function inOneMoment<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query(
    "begin isolation level repeatable read read only; set local search_path = pg_catalog",
  );
  try {
    const answer = await work();
    await client.query("commit");
    return answer;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

/** Tables that one query counts. */
const BATCH = 200;

/**
 * Counts the rows of every table and materialized view of some schemas: sorted lines such as
 * `rows $tenant.sample 12`. Reads every row.
 *
 * @param client in no transaction, with the right to read the tables
 */
export async function describeRows(
  client: ClientBase,
  { schemas }: Pick<DescribeSchemas, "schemas">,
): Promise<string[]> {
  const labels = new Map(schemas.map(({ name, label }) => [name, label]));
  return await inOneMoment(client, async () => {
    const { rows: tables } = await client.query<{ schema: string; name: string }>(
      `select n.nspname as schema, c.relname as name
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = any($1) and (c.relkind = 'r' or c.relkind = 'm' and c.relispopulated)
         and not starts_with(c.relname::text, 'tenantry_')`,
      [[...labels.keys()]],
    );
    const counts = tables.map(
      ({ schema, name }) =>
        `select ${literal(`rows ${labels.get(schema)}.${name} `)} || count(*) as line
         from only ${ident(schema)}.${ident(name)}`,
    );
    const lines: string[] = [];
    for (let at = 0; at < counts.length; at += BATCH) {
      const batch = counts.slice(at, at + BATCH).join(" union all ");
      const { rows } = await client.query<{ line: string }>(batch);
      lines.push(...rows.map(({ line }) => line));
    }
    return lines.toSorted();
  });
}
