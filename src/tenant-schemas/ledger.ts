import type { ClientBase } from "pg";
import { sqlStateOf } from "../database/faults.ts";
import { ident, literal } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { TenantNames } from "../tenants/names.ts";
import type { Migration, MigrationFolder } from "./migration-folder.ts";
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

/** Answers the applied migrations in the order in which they were; none without schema or ledger. */
export async function readLedger(client: ClientBase, schema: string): Promise<LedgerRow[]> {
  return await rowsOrNone<LedgerRow>(
    client,
    `select id, sha256, applied_at as "appliedAt", duration_ms as "durationMs"
     from ${ident(schema)}.${LEDGER} order by applied_at, id`,
  );
}

/** Flyway's repeatable migrations are applied again and again: a schema's version is another one's id. */
const REPEATABLE = /^R__/;

/** The id of the last applied migration that has a version; null where there is none. */
export const versionOf = (ledger: readonly Pick<LedgerRow, "id">[]): string | null =>
  ledger.findLast(({ id }) => !REPEATABLE.test(id))?.id ?? null;

/** As `versionOf`, over the rows of a ledger in SQL. */
export const VERSION_SQL =
  "(array_agg(id order by applied_at desc, id desc) filter (where id !~ '^R__'))[1]";

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
 * Answers the migrations of the folder that the ledger does not hold, and repeatable ones that have
 * changed since.
 *
 * @throws DomainError E_MIGRATION_DRIFT naming the file: changed since it was applied, missing from
 *   the folder, or new but ordered before one that was applied
 */
export function pendingOf(
  { migrations }: Pick<MigrationFolder, "migrations">,
  ledger: readonly LedgerRow[],
): Migration[] {
  const inFolder = new Map(migrations.map((migration) => [migration.id, migration]));
  const applied = new Map(ledger.map((row) => [row.id, row]));
  for (const row of ledger) {
    const migration = inFolder.get(row.id);
    if (migration === undefined)
      throw drift(row.id, "was applied and is missing from the migration folder");
    if (migration.sha256 !== row.sha256 && !migration.repeatable)
      throw drift(migration.name, "was changed after it was applied");
  }
  const covered = coveredBy(migrations, applied);
  const pending = migrations.filter(
    ({ id, sha256 }) => !covered.has(id) && applied.get(id)?.sha256 !== sha256,
  );
  const last = migrations.findLastIndex(({ id, repeatable }) => !repeatable && applied.has(id));
  const [early] = pending;
  if (early === undefined || migrations.indexOf(early) > last) return pending;
  throw drift(early.name, `is new but comes before ${migrations[last]?.id}, which was applied`);
}

/**
 * The ids that need not be applied: what a baseline stands for, where that was applied or where nothing
 * was; and the baseline itself, where some of what it stands for was.
 */
function coveredBy(
  migrations: readonly Migration[],
  applied: ReadonlyMap<string, unknown>,
): Set<string> {
  const baselines = migrations.filter(({ replaces }) => replaces.length > 0);
  return new Set(
    baselines.flatMap(({ id, replaces }) => {
      const counts = applied.has(id) || (applied.size === 0 && id === baselines.at(-1)?.id);
      return counts ? replaces : [id];
    }),
  );
}

const drift = (file: string, why: string): DomainError =>
  new DomainError("E_MIGRATION_DRIFT", {
    message: `${file} ${why}`,
    detail: { migration: file.replace(/\.sql$/, "") },
    migration: { file },
  });

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
