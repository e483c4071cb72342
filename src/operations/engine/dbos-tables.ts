// All SQL on the durable engine's own tables (schema `dbos`), which are none of its public API. Its functions
// would need a query for each workflow, could not join ours, or run in a transaction of their own.
// What goes past the public API in the process is in `dbos-internals.ts`; this file loads nothing of the engine,
// since commands that act over the API reach it.

import type { EntityManager } from "../../database/orm.ts";
import { UnfitPlatform } from "../../database/unfit-platform.ts";

/** The engine's version that this file and `dbos-internals.ts` were written against; the one in package.json. */
export const KNOWN_VERSION = "5.3.0";

/** The version of the tables that it makes, which it writes into them. */
export const TABLES_VERSION = 123;

/** The columns of a workflow, by the names that `WORKFLOWS` gives them. */
const WORKFLOW_COLUMNS = {
  id: "workflow_uuid",
  status: "status",
  executor_id: "executor_id",
  started_ms: "started_at_epoch_ms",
  updated_ms: "updated_at",
} as const;

/**
 * The engine's workflows, for a `from` with an alias: `id`, `status`, the worker that has claimed it
 * (`executor_id`), and when it was claimed and changed (`started_ms`, `updated_ms`), in ms since 1970.
 */
export const WORKFLOWS = `(select ${Object.entries(WORKFLOW_COLUMNS)
  .map(([name, column]) => `${column} as ${name}`)
  .join(", ")} from dbos.workflow_status)`;

/** What is used of the engine's tables, by their columns. */
export const RELIED_ON_TABLES = {
  workflow_status: Object.values(WORKFLOW_COLUMNS),
  transaction_completion: ["workflow_id", "function_num", "output", "error"],
} as const;

/** Whether the engine's tables are there, of its version or of a newer one, which it bears. */
export async function hasCurrentTables(em: EntityManager): Promise<boolean> {
  const [{ made } = { made: false }] = await em.execute<{ made: boolean }[]>(
    "select to_regclass('dbos.dbos_migrations') is not null as made",
  );
  if (!made) return false;
  const [{ current } = { current: false }] = await em.execute<{ current: boolean }[]>(
    "select coalesce(max(version) >= ?, false) as current from dbos.dbos_migrations",
    [TABLES_VERSION],
  );
  return current;
}

/**
 * Expects one of the engine's tables to have the columns that are used here: tables of a newer version, which
 * the engine itself bears, may have lost one.
 *
 * @param query runs one statement and answers its rows
 * @throws UnfitPlatform naming the expected version and what is missing
 */
export async function assertKnownTable(
  query: (sql: string) => Promise<readonly { column: string }[]>,
  table: keyof typeof RELIED_ON_TABLES,
): Promise<void> {
  const rows = await query(
    `select attname as column from pg_catalog.pg_attribute
     where attrelid = to_regclass('dbos.${table}') and attnum > 0 and not attisdropped`,
  );
  const found = rows.map(({ column }) => column);
  const missing = RELIED_ON_TABLES[table].filter((column) => !found.includes(column));
  if (missing.length === 0) return;
  const what = found.length === 0 ? "is missing" : `lacks ${missing.join(", ")}`;
  throw new UnfitPlatform(
    `The durable engine's tables are expected as DBOS ${KNOWN_VERSION} makes them, but dbos.${table} ${what}: use the version that the service runs`,
  );
}

/** A step on the platform database that was recorded: what it answered, as the engine serializes it. */
export interface Checkpoint {
  readonly output: string | null;
  readonly error: string | null;
}

/** Finds what a step of a workflow was recorded with; undefined where it was not. */
export async function findCheckpoint(
  em: EntityManager,
  workflowId: string,
  stepId: number,
): Promise<Checkpoint | undefined> {
  const rows = await em.execute<Checkpoint[]>(
    "select output, error from dbos.transaction_completion where workflow_id = ? and function_num = ?",
    [workflowId, stepId],
  );
  return rows[0];
}

/**
 * Records a step in its own transaction.
 *
 * @returns false where another run of the workflow was first
 */
export async function recordCheckpoint(
  em: EntityManager,
  workflowId: string,
  stepId: number,
  output: string,
): Promise<boolean> {
  const rows = await em.execute<{ workflow_id: string }[]>(
    `insert into dbos.transaction_completion (workflow_id, function_num, output) values (?, ?, ?)
     on conflict do nothing returning workflow_id`,
    [workflowId, stepId, output],
  );
  return rows.length > 0;
}

/** Deletes the records of a workflow's steps from one on, as the engine asks for once it has ended. */
export async function deleteCheckpoints(
  em: EntityManager,
  workflowId: string,
  fromStep: number,
): Promise<void> {
  await em.execute(
    "delete from dbos.transaction_completion where workflow_id = ? and function_num >= ?",
    [workflowId, fromStep],
  );
}
