import { sqlStateOf } from "../database/faults.ts";
import type { Ask } from "../tenant-schemas/as-owner.ts";
import type { SnapshotTarget } from "./targets.ts";

/** Which rows a refresh is for, and since when a snapshot counts as taken. */
export interface RefreshScope {
  /** Every row, instead of those of samples in state RECEIVED. */
  readonly hard: boolean;
  /** The tenant server's time when the refresh began, as `timeOf` answers it. */
  readonly since: string;
}

export interface RefreshOptions extends RefreshScope {
  /** Rows of one transaction. */
  readonly batchSize: number;
  /** Told after each commit how many rows are done. */
  readonly onBatch?: (done: number) => Promise<void>;
}

/** Memory that one statement of a refresh may sort or hash in. */
export const WORK_MEM = "16MB";

/** The tenant server's time. */
export async function timeOf(ask: Ask): Promise<string> {
  return (await ask<string>("select to_jsonb(clock_timestamp())")) ?? "";
}

/**
 * Why the schema cannot keep these snapshots, in PostgreSQL's words, or null where it can. Ends the
 * transaction that it asks in, where it cannot.
 */
export async function refusalOf(ask: Ask, target: SnapshotTarget): Promise<string | null> {
  try {
    await ask(`explain (format json) ${refreshSql(target, { hard: false })}`, NO_ROWS);
    return null;
  } catch (error) {
    if (error instanceof Error && UNKNOWN_THERE.test(sqlStateOf(error) ?? "")) return error.message;
    throw error;
  }
}

/**
 * SQLSTATEs of a statement that a schema does not understand: a table or column is not there or is of
 * another type (class 42), a state is not of that type (class 22), or a view takes no rows.
 */
const UNKNOWN_THERE = /^(42|22|0A)|^55000$/;

/** Below every id. */
const START = "-9223372036854775808";

const NO_ROWS = { after: START, size: 0, since: "-infinity" };

/** How many rows a refresh is for. */
export async function countRows(
  ask: Ask,
  target: SnapshotTarget,
  { hard }: Pick<RefreshScope, "hard">,
): Promise<number> {
  const where = hard ? "true" : target.received;
  return (
    (await ask<number>(`select to_jsonb(count(*)) from ${target.table} t where ${where}`)) ?? 0
  );
}

/**
 * Takes the snapshots of a target in batches, in the order of the rows' ids. Repeatable: rows whose
 * snapshot was taken since the refresh began are passed over, so that a second walk is quick.
 *
 * @param transact runs each batch in a transaction of its own
 * @returns how many rows it walked over
 */
export async function refreshRows(
  transact: <T>(work: (ask: Ask) => Promise<T>) => Promise<T>,
  target: SnapshotTarget,
  { hard, since, batchSize, onBatch }: RefreshOptions,
): Promise<number> {
  const sql = refreshSql(target, { hard });
  let done = 0;
  for (let after = START; ; ) {
    const params = { after, size: batchSize, since };
    const batch = await transact((ask) => ask<Batch>(sql, params));
    if (batch === null || batch.rows === 0) return done;
    after = batch.last;
    done += batch.rows;
    await onBatch?.(done);
    if (batch.rows < batchSize) return done;
  }
}

interface Batch {
  readonly last: string;
  readonly rows: number;
}

/**
 * The statement of one batch. The ids go through an array, so that the rows are found by their key
 * and locked in its order however stale the table's statistics are.
 */
function refreshSql(
  { table, received, snapshot }: SnapshotTarget,
  { hard }: Pick<RefreshScope, "hard">,
): string {
  const entries = Object.entries(snapshot).map(([key, value]) => `'${key}', ${value}`);
  return `
    with batch as materialized (
      select t.id from ${table} t
      where t.id > ($1->>'after')::bigint and ${hard ? "true" : received}
      order by t.id limit ($1->>'size')::int
    ), written as (
      update ${table} t
      set metadata_snapshot = jsonb_build_object(${entries.join(",\n")}), snapshot_at = now()
      where t.id = any (array(select id from batch))
        and (t.snapshot_at between ($1->>'since')::timestamptz and now()) is not true
      returning 1
    )
    select jsonb_build_object('last', max(id)::text, 'rows', count(*)) from batch`;
}
