import type { ClientBase } from "pg";
import { sqlStateOf } from "../database/faults.ts";
import { ident, literal } from "../database/sql.ts";
import type { TenantNames } from "../tenants/names.ts";
import type { Migration } from "./migration-folder.ts";
import { runSteps, type Step } from "./multi-query.ts";
import { asOwner, DEFAULT_LIMITS, ownerTransaction } from "./owner-steps.ts";

/** One applied migration, as the tenant schema's own ledger keeps it. */
export interface LedgerRow {
  readonly id: string;
  readonly sha256: string;
  readonly appliedAt: Date;
  readonly durationMs: number;
}

/** The ledger's table, in each tenant schema. */
export const LEDGER = "tenantry_migration";

/** Answers the applied migrations in the order in which they were; none without schema or ledger. */
export async function readLedger(client: ClientBase, schema: string): Promise<LedgerRow[]> {
  return await rowsOrNone<LedgerRow>(
    client,
    `select id, sha256, applied_at as "appliedAt", duration_ms as "durationMs"
     from ${ident(schema)}.${LEDGER} order by applied_at, id`,
  );
}

/** The rows of a query; none when its table does not exist. */
export async function rowsOrNone<Row extends object>(
  client: ClientBase,
  sql: string,
): Promise<Row[]> {
  try {
    return (await client.query<Row>(sql)).rows;
  } catch (error) {
    if (sqlStateOf(error) === "42P01") return [];
    throw error;
  }
}

/** Creates the ledger as the owner role. The app role may read it and nothing else. */
export function createLedger({ schema, appRole }: TenantNames): Step[] {
  const table = `${ident(schema)}.${LEDGER}`;
  return [
    {
      sql: `create table if not exists ${table} (id text primary key, sha256 text not null,
        applied_at timestamptz not null, duration_ms integer not null)`,
    },
    { sql: `revoke all on table ${table} from ${ident(appRole)}` },
    { sql: `grant select on table ${table} to ${ident(appRole)}` },
  ];
}

/** A row of the ledger as facts keep it, to the microsecond. */
export interface KeptRow {
  readonly id: string;
  readonly sha256: string;
  /** Seconds since 1970. */
  readonly appliedAt: string;
  readonly durationMs: number;
}

/** Answers one row of a ledger; null where it has none of that id. */
export async function keptRow(
  client: ClientBase,
  schema: string,
  id: string,
): Promise<KeptRow | null> {
  const [row] = await rowsOrNone<KeptRow>(
    client,
    `select id, sha256, extract(epoch from applied_at)::text as "appliedAt",
       duration_ms as "durationMs" from ${ident(schema)}.${LEDGER} where id = ${literal(id)}`,
  );
  return row ?? null;
}

/**
 * Lets one row of a ledger take the place of another, as the owner role. Repeatable, and undone by the
 * same with the rows changed over.
 *
 * @param from null where there is none yet
 * @param to null where there is to be none
 */
export async function replaceRow(
  client: ClientBase,
  names: TenantNames,
  { from, to }: { readonly from: KeptRow | null; readonly to: KeptRow | null },
): Promise<void> {
  const table = `${ident(names.schema)}.${LEDGER}`;
  const row = to && `${literal(to.id)}, ${literal(to.sha256)}`;
  const sql =
    from === null
      ? to &&
        `insert into ${table} (id, sha256, applied_at, duration_ms) values (${row},
           pg_catalog.to_timestamp(${literal(to.appliedAt)}::pg_catalog.float8), ${to.durationMs})
         on conflict (id) do nothing`
      : to === null
        ? `delete from ${table} where id = ${literal(from.id)}`
        : `update ${table} set (id, sha256) = (${row}) where id = ${literal(from.id)}`;
  if (sql === null) return;
  await runSteps(client, ownerTransaction(names, DEFAULT_LIMITS, [asOwner(names, [sql])]));
}

const NOW = "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())";

/** Begins to measure, on the server, what a migration takes. */
export const startClock: Step = {
  sql: `select pg_catalog.set_config('tenantry.since', ${NOW}::pg_catalog.text, true)`,
};

const CLOCK =
  "pg_catalog.to_timestamp(pg_catalog.current_setting('tenantry.since')::pg_catalog.float8)";

/**
 * Records a migration, in its own transaction.
 *
 * @param since when it began, in SQL: what `startClock` has noted unless told
 */
export function recordMigration(
  names: TenantNames,
  { id, sha256 }: Pick<Migration, "id" | "sha256">,
  since: string = CLOCK,
): Step {
  const duration = `1000 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - ${since})`;
  return asOwner(names, [
    `insert into ${ident(names.schema)}.${LEDGER} as ledger (id, sha256, applied_at, duration_ms)
     values (${literal(id)}, ${literal(sha256)}, pg_catalog.clock_timestamp(), ${duration})
     on conflict (id) do update set sha256 = excluded.sha256,
       applied_at = excluded.applied_at, duration_ms = excluded.duration_ms
     where ledger.sha256 <> excluded.sha256`,
  ]);
}
