import type { ClientBase } from "pg";
import { sqlStateOf } from "../database/faults.ts";
import { ident, literal } from "../database/sql.ts";
import type { TenantNames } from "../tenants/names.ts";
import { createLedger, LEDGER } from "./ledger.ts";
import type { Migration } from "./migration-folder.ts";
import { fileError, mayPass } from "./owner-steps.ts";
import { linesBefore, type SqlStatement } from "./sql-file.ts";

/**
 * Applies a file of CONCURRENTLY statements: outside a transaction, one by one. Repeatable: an index
 * that an earlier attempt left INVALID is dropped and built again, one that it completed is kept
 * (PostgreSQL, CREATE INDEX, "Building Indexes Concurrently").
 *
 * @throws DomainError E_MIGRATIONS_FAILED; transient faults as they come
 */
export async function applyOutside(
  client: ClientBase,
  names: TenantNames,
  migration: Migration,
): Promise<void> {
  const started = await clockOf(client);
  await client.query(`set search_path = ${ident(names.schema)}, ext`);
  await client.query(`set role ${ident(names.ownerRole)}`);
  try {
    await dropLeftOvers(client, names);
    for (const statement of migration.statements) {
      if (!(await isDone(client, names, statement))) await run(client, migration, statement);
    }
    await record(client, names, migration, started);
  } finally {
    // Where the connection is lost, its role is lost with it.
    await client.query("reset role").catch(() => undefined);
    await client.query("reset all").catch(() => undefined);
  }
}

async function clockOf(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ now: string }>("select clock_timestamp()::text as now");
  return rows[0]?.now ?? "";
}

/** REINDEX CONCURRENTLY that failed leaves an invalid index of a name of its own. */
async function dropLeftOvers(client: ClientBase, names: TenantNames): Promise<void> {
  for (const { name, valid } of await indexesOf(client, names)) {
    if (!valid && /_cc(new|old)\d*$/.test(name)) await dropIndex(client, names, name);
  }
}

async function isDone(
  client: ClientBase,
  names: TenantNames,
  { kind, fields }: SqlStatement,
): Promise<boolean> {
  if (kind !== "IndexStmt") return false;
  const index = (await indexesOf(client, names)).find(({ name }) => name === fields.idxname);
  if (index?.valid === false) await dropIndex(client, names, index.name);
  const { relname } = fields.relation as { relname?: string };
  return index?.valid === true && index.table === relname;
}

interface Index {
  readonly name: string;
  readonly table: string;
  readonly valid: boolean;
}

async function indexesOf(client: ClientBase, { schema }: TenantNames): Promise<Index[]> {
  const { rows } = await client.query<Index>(
    `select i.relname as name, t.relname as table, x.indisvalid as valid
     from pg_catalog.pg_index x
     join pg_catalog.pg_class i on i.oid = x.indexrelid
     join pg_catalog.pg_class t on t.oid = x.indrelid
     join pg_catalog.pg_namespace n on n.oid = i.relnamespace
     where n.nspname = $1`,
    [schema],
  );
  return rows;
}

async function dropIndex(client: ClientBase, { schema }: TenantNames, name: string): Promise<void> {
  await client.query(`drop index concurrently if exists ${ident(schema)}.${ident(name)}`);
}

async function run(
  client: ClientBase,
  { name }: Migration,
  { text, line }: SqlStatement,
): Promise<void> {
  try {
    await client.query(text);
  } catch (cause) {
    if (!(cause instanceof Error) || mayPass(cause)) throw cause;
    const position = "position" in cause ? Number(cause.position) - 1 : 0;
    const failure = {
      file: name,
      line: line + linesBefore(text, position),
      sqlstate: sqlStateOf(cause) ?? "XX000",
      statement: text,
      reason: cause.message,
    };
    throw fileError("E_MIGRATIONS_FAILED", failure, cause);
  }
}

async function record(
  client: ClientBase,
  names: TenantNames,
  { id, sha256 }: Migration,
  started: string,
): Promise<void> {
  for (const { sql } of createLedger(names)) await client.query(sql);
  await client.query(
    `insert into ${ident(names.schema)}.${LEDGER} (id, sha256, applied_at, duration_ms)
     values ($1, $2, clock_timestamp(),
       1000 * date_part('epoch', clock_timestamp() - ${literal(started)}::timestamptz))`,
    [id, sha256],
  );
}
