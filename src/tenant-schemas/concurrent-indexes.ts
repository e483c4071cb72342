import type { ClientBase } from "pg";
import { ident } from "../database/sql.ts";
import type { TenantNames } from "../tenants/names.ts";
import { schemasOf } from "./own-schemas.ts";
import type { PlacedStatement } from "./placed-file.ts";

/** An index of a tenant's schemas. */
interface Index {
  readonly oid: number;
  readonly name: string;
  readonly table: string;
  readonly schema: string;
  /** The schema that names without one are found in. */
  readonly found: string;
  readonly valid: boolean;
}

/** What REINDEX CONCURRENTLY calls the indexes that it makes and replaces. */
const REINDEXED = /_cc(new|old)\d*$/;

/** All indexes of a tenant's schemas. */
export async function indexesOf(client: ClientBase, names: TenantNames): Promise<Index[]> {
  const { rows } = await client.query<Index>(
    `select i.oid, i.relname as name, t.relname as table, n.nspname as schema,
       current_schema() as found, x.indisvalid as valid
     from pg_catalog.pg_index x
     join pg_catalog.pg_class i on i.oid = x.indexrelid
     join pg_catalog.pg_class t on t.oid = x.indrelid
     join pg_catalog.pg_namespace n on n.oid = i.relnamespace
     where i.relnamespace in ${schemasOf(names)}`,
  );
  return rows;
}

/**
 * Whether an earlier attempt has done a statement with CONCURRENTLY. What it was broken off in is dropped,
 * so that it can be done again.
 *
 * @param begunBefore whether an earlier attempt has begun it
 */
export async function isDone(
  client: ClientBase,
  { index, kind }: PlacedStatement,
  begunBefore: boolean,
  indexes: readonly Index[],
): Promise<boolean> {
  if (kind === "ReindexStmt" && begunBefore) {
    for (const each of indexes)
      if (!each.valid && REINDEXED.test(each.name)) await dropIndex(client, each);
  }
  if (index === null) return false;
  const found = indexes.find(
    ({ name, schema, found }) => name === index.name && (index.schema ?? found) === schema,
  );
  if (kind === "DropStmt") return begunBefore && found === undefined;
  if (found?.table !== index.table) return false;
  if (!found.valid) await dropIndex(client, found);
  return found.valid;
}

/**
 * Drops what a failed statement has left INVALID: nothing that was there, or was INVALID, before it.
 * Answers the names of what could not be dropped.
 */
export async function dropMade(
  client: ClientBase,
  names: TenantNames,
  { kind, index }: PlacedStatement,
  before: readonly Index[],
): Promise<string[]> {
  const known = new Map(before.map(({ oid, valid }) => [oid, valid]));
  const made = (await indexesOf(client, names)).filter((each) => {
    if (each.valid) return false;
    if (kind === "ReindexStmt") return known.get(each.oid) !== false && REINDEXED.test(each.name);
    const inItsSchema = (index?.schema ?? each.found) === each.schema;
    return !known.has(each.oid) && each.table === index?.table && inItsSchema;
  });
  const left: string[] = [];
  for (const each of made)
    await dropIndex(client, each).catch(() => left.push(`${each.schema}.${each.name}`));
  return left;
}

async function dropIndex(client: ClientBase, { schema, name }: Index): Promise<void> {
  await client.query(`drop index concurrently if exists ${ident(schema)}.${ident(name)}`);
}
