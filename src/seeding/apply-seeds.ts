import type { ClientBase } from "pg";
import { withSessionLock } from "../database/locks.ts";
import { ident, literal } from "../database/sql.ts";
import type { Place } from "../sql-files/sql-file.ts";
import { schemaLock } from "../tenant-schemas/apply-migrations.ts";
import { publicErrorOf } from "../tenant-schemas/file-failures.ts";
import { rowsOrNone } from "../tenant-schemas/ledger.ts";
import { LockWaits } from "../tenant-schemas/lock-waits.ts";
import { runSteps, type Step } from "../tenant-schemas/multi-query.ts";
import {
  asOwner,
  constraintsOf,
  DEFAULT_LIMITS,
  fileAsOwner,
  type OwnerLimits,
  ownerTransaction,
} from "../tenant-schemas/owner-steps.ts";
import { findPlace, placeFile } from "../tenant-schemas/placed-file.ts";
import { type Check, check } from "../tenant-schemas/verify-tenant-schema.ts";
import type { TenantNames } from "../tenants/names.ts";
import type { SeedSet } from "./seed-folder.ts";

export interface ApplySeedSet {
  readonly names: TenantNames;
  readonly set: SeedSet;
  /** Told of each INSERT when the set is committed: its table and how many rows it added. */
  readonly onStatement?: (table: string, rowsAdded: number, index: number, total: number) => void;
  readonly limits?: Partial<OwnerLimits>;
}

export interface AppliedSeedSet {
  readonly set: string;
  readonly rowsAdded: number;
  /** Rows added by table, in the order of the files; tables that got none are there with 0. */
  readonly tables: Readonly<Record<string, number>>;
}

const LEDGER = "tenantry_seed";

/**
 * Adds a seed set to a tenant schema as its owner role: one transaction, one round trip. Repeatable:
 * the second time adds nothing. Ends with `RESET ALL` on the connection.
 *
 * @throws DomainError E_SEEDS_FAILED with its `migration`; transient
 *   faults (`isTransient`) as they come
 */
export async function applySeedSet(
  client: ClientBase,
  request: ApplySeedSet,
): Promise<AppliedSeedSet> {
  const { names, set } = request;
  return await withSessionLock(client, schemaLock(names.schema), async () => {
    const statements = set.files.flatMap((file) => file.statements);
    const place = await findPlace(client, names, NO_FOLDER, statements);
    const steps = stepsOf(request, place);
    const waits = new LockWaits(client);
    try {
      const results = await waits.during(client, set.name, () => runSteps(client, steps));
      const counts = results
        .filter((_, index) => steps[index]?.origins !== undefined)
        .flatMap(({ value }) => (value ?? "").split(",").map(Number));
      const inserts = statements
        .map(({ table }, index) => ({ table, added: counts[index] ?? 0 }))
        .filter((insert): insert is Insert => insert.table !== null);
      return summarise(request, inserts);
    } catch (error) {
      await client.query("rollback").catch(() => undefined);
      throw publicErrorOf(error, "E_SEEDS_FAILED", waits.behind(error));
    }
  });
}

/** Seeds make nothing themselves, and live where the tenant's migrations have put its tables. */
const NO_FOLDER = { needsDatabase: null, creates: new Set<string>() };

function stepsOf({ names, set, ...request }: ApplySeedSet, place: Place): Step[] {
  const limits = { ...DEFAULT_LIMITS, ...request.limits };
  const files = set.files.flatMap((file) => [
    ...fileAsOwner(names, placeFile(file, place), limits),
    recordFile(names, set.name, file.name, file.sha256),
  ]);
  const origin = constraintsOf(set.files.at(-1)?.name ?? set.name);
  const steps = [...createLedger(names), ...files];
  return [...ownerTransaction(names, limits, steps, { origin }), { sql: "reset all" }];
}

/** What one INSERT added to its table. */
interface Insert {
  readonly table: string;
  readonly added: number;
}

function summarise({ set, onStatement }: ApplySeedSet, inserts: readonly Insert[]): AppliedSeedSet {
  const byTable: Record<string, number> = {};
  for (const [index, { table, added }] of inserts.entries()) {
    byTable[table] = (byTable[table] ?? 0) + added;
    onStatement?.(table, added, index, inserts.length);
  }
  const rowsAdded = inserts.reduce((sum, { added }) => sum + added, 0);
  return { set: set.name, rowsAdded, tables: byTable };
}

/** The app role may read which seeds were added, and nothing else. */
function createLedger({ schema, appRole }: TenantNames): Step[] {
  const table = `${ident(schema)}.${LEDGER}`;
  return [
    {
      sql: `create table if not exists ${table} (seed_set text not null, file text not null,
        sha256 text not null, applied_at timestamptz not null, primary key (seed_set, file))`,
    },
    { sql: `revoke all on table ${table} from ${ident(appRole)}` },
    { sql: `grant select on table ${table} to ${ident(appRole)}` },
  ];
}

function recordFile(names: TenantNames, set: string, file: string, sha256: string): Step {
  const values = [set, file, sha256].map(literal).join(", ");
  return asOwner(names, [
    `insert into ${ident(names.schema)}.${LEDGER} (seed_set, file, sha256, applied_at)
     values (${values}, clock_timestamp())
     on conflict (seed_set, file) do update
       set sha256 = excluded.sha256, applied_at = excluded.applied_at
       where ${LEDGER}.sha256 <> excluded.sha256`,
  ]);
}

/** The seed sets of which anything was added to a tenant schema, by its own list. */
export async function seededSets(client: ClientBase, { schema }: TenantNames): Promise<string[]> {
  const rows = await rowsOrNone<{ name: string }>(
    client,
    `select distinct seed_set as name from ${ident(schema)}.${LEDGER} order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** Looks whether every file of the sets was added to the tenant schema as it is now. */
export async function verifySeeds(
  client: ClientBase,
  names: TenantNames,
  sets: readonly SeedSet[],
): Promise<Check> {
  const rows = await rowsOrNone<{ file: string; sha256: string }>(
    client,
    `select file, sha256 from ${ident(names.schema)}.${LEDGER}`,
  );
  const applied = new Map(rows.map(({ file, sha256 }) => [file, sha256]));
  const missing = sets
    .flatMap((set) => set.files)
    .filter((file) => applied.get(file.name) !== file.sha256)
    .map((file) => file.name);
  const seeds = sets.map((set) => set.name);
  return missing.length === 0
    ? check("SEEDS", true, `seed sets added: ${seeds.join(", ") || "none"}`, { seeds })
    : check("SEEDS", false, `not added, or changed since: ${missing.join(", ")}`, { missing });
}
