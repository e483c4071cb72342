import type { ClientBase } from "pg";
import { sqlStateOf } from "../database/faults.ts";
import { ident, literal } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";
import { compareIds, type Migration, type MigrationFolder } from "./migration-folder.ts";
import type { Step } from "./multi-query.ts";
import { asOwner } from "./owner-steps.ts";

/** One applied migration, as the tenant schema's own ledger keeps it. */
export interface LedgerRow {
  readonly id: string;
  readonly sha256: string;
  readonly appliedAt: Date;
  readonly durationMs: number;
}

/** The ledger's table, in each tenant schema. */
export const LEDGER = "tenantry_migration";

/** Answers the applied migrations in order; none when the schema or its ledger does not exist. */
export async function readLedger(client: ClientBase, schema: string): Promise<LedgerRow[]> {
  const rows = await rowsOrNone<LedgerRow>(
    client,
    `select id, sha256, applied_at as "appliedAt", duration_ms as "durationMs"
     from ${ident(schema)}.${LEDGER}`,
  );
  return rows.sort((a, b) => compareIds(a.id, b.id));
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

/**
 * Answers the migrations of the folder that the ledger does not hold.
 *
 * @throws DomainError E_MIGRATION_DRIFT naming the file: changed since it was applied, missing from
 *   the folder, or new but ordered before one that was applied
 */
export function pendingOf(folder: MigrationFolder, ledger: readonly LedgerRow[]): Migration[] {
  const inFolder = new Map(folder.migrations.map((migration) => [migration.id, migration]));
  for (const row of ledger) {
    const migration = inFolder.get(row.id);
    if (migration === undefined) {
      throw drift(row.id, "was applied and is missing from the migration folder");
    }
    if (migration.sha256 !== row.sha256) throw drift(row.id, "was changed after it was applied");
  }
  const applied = new Set(ledger.map((row) => row.id));
  const pending = folder.migrations.filter((migration) => !applied.has(migration.id));
  const last = ledger.at(-1);
  const early = pending.find(({ id }) => last !== undefined && compareIds(id, last.id) < 0);
  if (early !== undefined && last !== undefined) {
    throw drift(early.id, `is new but comes before ${last.id}, which was applied`);
  }
  return pending;
}

const drift = (id: string, why: string): DomainError =>
  new DomainError("E_MIGRATION_DRIFT", { message: `${id}.sql ${why}`, detail: { migration: id } });

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

const NOW = "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())";

/** Begins to measure, on the server, what a migration takes. */
export const startClock: Step = {
  sql: `select pg_catalog.set_config('tenantry.since', ${NOW}::pg_catalog.text, true)`,
};

/** Records a migration, in its own transaction. */
export function recordMigration(names: TenantNames, { id, sha256 }: Migration): Step {
  const since = "pg_catalog.current_setting('tenantry.since')::pg_catalog.float8";
  return asOwner(names, [
    `insert into ${ident(names.schema)}.${LEDGER} (id, sha256, applied_at, duration_ms)
     values (${literal(id)}, ${literal(sha256)}, clock_timestamp(), 1000 * (${NOW} - ${since}))`,
  ]);
}
