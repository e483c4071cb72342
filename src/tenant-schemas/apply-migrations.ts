import type { ClientBase } from "pg";
import { sqlStateOf } from "../database/faults.ts";
import { withSessionLock } from "../database/locks.ts";
import { newSecret } from "../kernel/ids.ts";
import type { Place } from "../sql-files/sql-file.ts";
import type { TenantNames } from "../tenants/names.ts";
import { applyApart, type WayOfApplying } from "./apply-apart.ts";
import { isOnCitus } from "./citus.ts";
import { fileOnNode } from "./distributed-tables.ts";
import { pendingOf, versionOf } from "./drift.ts";
import { ensureExtensions } from "./extensions.ts";
import { publicErrorOf } from "./file-failures.ts";
import { createLedger, type LedgerRow, readLedger, recordMigration, startClock } from "./ledger.ts";
import { LockWaits } from "./lock-waits.ts";
import type { Migration, MigrationFolder } from "./migration-folder.ts";
import { runSteps, type Step } from "./multi-query.ts";
import { openOwnSchemas } from "./own-schemas.ts";
import {
  constraintsOf,
  DEFAULT_LIMITS,
  fileAsOwner,
  freshSession,
  type OwnerLimits,
  ownerTransaction,
  tell,
} from "./owner-steps.ts";
import { findPlace, placeFile } from "./placed-file.ts";

export interface ApplyMigrations {
  readonly names: TenantNames;
  readonly folder: MigrationFolder;
  /** The ids of those that may be applied; all that are pending unless told. */
  readonly only?: ReadonlySet<string>;
  /** The ids of those that may come before one that was applied; none unless told. */
  readonly outOfOrder?: readonly string[];
  /**
   * `one-transaction` for a fresh schema: one round trip and one transaction for all files that
   * allow it. `transaction-per-file` for a schema in use: shorter locks, and what succeeded stays.
   */
  readonly mode: "one-transaction" | "transaction-per-file";
  /** Told of what the ledger holds, once nobody else can apply any more. */
  readonly onBegin?: (ledger: readonly LedgerRow[]) => void | Promise<void>;
  /**
   * Told of each applied file, in order, as it happens; `index` counts from 0 among the `total`
   * pending ones. Files that share a transaction are told of before it is committed.
   */
  readonly onFileApplied?: (
    migration: Migration,
    index: number,
    total: number,
  ) => void | Promise<void>;
  /** Told whom a statement waits for, while it does. */
  readonly onWait?: (message: string) => unknown;
  /** Looked at before each round trip; its reason is thrown. A running round trip is finished. */
  readonly signal?: AbortSignal;
  readonly limits?: Partial<OwnerLimits>;
  /** Extensions that an operator has approved, for a database of the tenant's own. */
  readonly approvedExtensions?: readonly string[];
}

export interface AppliedMigrations {
  /** The ids that this call applied, in order. */
  readonly applied: readonly string[];
  /** The id of the last migration that the schema now holds, or null. */
  readonly version: string | null;
}

/** The session lock that migrations and seeds of one tenant schema hold. */
export const schemaLock = (schema: string): string => `tenant-migrate:${schema}`;

/**
 * Applies the pending migrations of a tenant schema as its owner role. Repeatable: what the ledger
 * holds is not applied again. Ends with `RESET ALL` on the connection.
 *
 * @throws DomainError E_MIGRATION_DRIFT, E_MIGRATION_UNSAFE (an extension), E_ISOLATION_REQUIRED, or
 *   E_MIGRATIONS_FAILED with its place in `migration`, transient where it may pass; lost connections as they
 *   come
 */
export async function applyMigrations(
  client: ClientBase,
  request: ApplyMigrations,
): Promise<AppliedMigrations> {
  const { names, folder, only } = request;
  return await withSessionLock(client, schemaLock(names.schema), async () => {
    const ledger = await readLedger(client, names.schema);
    await request.onBegin?.(ledger);
    const wanted = ({ id }: Migration) => only?.has(id) ?? true;
    const pending = pendingOf(folder, ledger, request.outOfOrder).filter(wanted);
    const applied = pending.map(({ id }) => id);
    const version = versionOf([...ledger, ...pending], folder.migrations);
    if (pending.length === 0) return { applied, version };
    if (folder.needsDatabase !== null && ledger.length === 0) await openOwnSchemas(client, names);
    await ensureExtensions(client, pending, request.approvedExtensions);
    const statements = pending.flatMap((migration) => migration.statements);
    const place = await findPlace(client, names, folder, statements);
    const run = new Application(client, request, place, await isOnCitus(client));
    await run.apply(pending);
    return { applied, version };
  });
}

type Round =
  | { readonly last: Migration; readonly transactions: readonly (readonly Migration[])[] }
  | { readonly last: Migration; readonly apart: Migration };

/**
 * What goes to the server in one round trip. In a schema that nobody uses yet, all files are one
 * transaction: CONCURRENTLY has nobody to spare there, and what a file adds to an enum of the same
 * transaction can be used at once. Where there are deferrable constraints each file gets its own: rows
 * whose check is pending bar an ALTER TABLE of the next file (55006).
 */
function roundsOf(pending: readonly Migration[], mode: ApplyMigrations["mode"]): Round[] {
  const fresh = mode === "one-transaction";
  const each = pending.some(({ deferrable }) => deferrable);
  const rounds: Round[] = [];
  let gathered: Migration[] = [];
  const send = () => {
    const last = gathered.at(-1);
    if (last === undefined) return;
    const transactions = each ? gathered.map((migration) => [migration]) : [gathered];
    rounds.push({ last, transactions });
    gathered = [];
  };
  for (const migration of pending) {
    const commits = migration.statements.some((statement) => statement.commits);
    const apart = migration.apart !== null && (each || !fresh || commits);
    if (apart || !fresh) send();
    if (apart) rounds.push({ last: migration, apart: migration });
    else gathered.push(migration);
  }
  send();
  return rounds;
}

/**
 * Faults of many files in one transaction that each file by itself may not have: more tables than the
 * server has locks for, and values of an enum whose type was changed in between.
 */
const TOO_MUCH_AT_ONCE = new Set(["53200", "55P04"]);

/** One application of pending files to one tenant schema. */
class Application {
  readonly #client: ClientBase;
  readonly #request: ApplyMigrations;
  readonly #place: Place;
  readonly #way: WayOfApplying;

  constructor(client: ClientBase, request: ApplyMigrations, place: Place, onCitus: boolean) {
    this.#client = client;
    this.#request = request;
    this.#place = place;
    this.#way = {
      // Citus asks for more than one call.
      stepsOfFile: onCitus ? fileOnNode : fileAsOwner,
      limits: { ...DEFAULT_LIMITS, ...request.limits },
      waits: new LockWaits(client, request.onWait),
    };
  }

  async apply(pending: readonly Migration[]): Promise<void> {
    const { mode, onFileApplied } = this.#request;
    const progress = new Progress(pending, onFileApplied);
    try {
      await this.#rounds(roundsOf(pending, mode), progress);
    } catch (error) {
      const several = mode === "one-transaction" && pending.length > 1;
      if (!several || !TOO_MUCH_AT_ONCE.has(sqlStateOf(error) ?? "")) throw error;
      const left = pendingOf({ migrations: pending }, await this.#ledgerOf(pending));
      await this.#rounds(roundsOf(left, "transaction-per-file"), progress);
    }
  }

  /** The rows of the files that were pending. */
  async #ledgerOf(pending: readonly Migration[]) {
    const ids = new Set(pending.map(({ id }) => id));
    const rows = await readLedger(this.#client, this.#request.names.schema);
    return rows.filter(({ id }) => ids.has(id));
  }

  async #rounds(rounds: readonly Round[], progress: Progress): Promise<void> {
    const { signal, names, mode } = this.#request;
    for (const round of rounds) {
      signal?.throwIfAborted();
      if ("apart" in round) {
        const place = { ...this.#place, concurrently: mode !== "one-transaction" };
        const alone = placeFile(round.apart, place);
        const statements = place.concurrently
          ? alone.statements
          : alone.statements.map((statement) => ({ ...statement, outside: false }));
        const migration = { ...alone, statements };
        await applyApart(this.#client, names, migration, this.#way);
      } else {
        await this.#transactions(round.transactions, progress);
      }
      await progress.reached(round.last);
    }
  }

  async #transactions(
    transactions: readonly (readonly Migration[])[],
    progress: Progress,
  ): Promise<void> {
    const steps = transactions.flatMap((migrations) => this.#steps(migrations, progress.token));
    steps.push({ sql: "discard temp" }, { sql: "reset all" });
    const { waits } = this.#way;
    const [first, last] = [transactions[0]?.[0]?.name ?? "", transactions.at(-1)?.at(-1)?.name];
    const what = first === last ? first : `one of ${first} to ${last}`;
    try {
      await waits.during(this.#client, what, () =>
        runSteps(this.#client, steps, (message) => progress.hear(message)),
      );
    } catch (error) {
      await this.#client.query("rollback").catch(() => undefined);
      throw publicErrorOf(error, "E_MIGRATIONS_FAILED", waits.behind(error));
    }
  }

  #steps(migrations: readonly Migration[], token: string): Step[] {
    const { names } = this.#request;
    const tellOf = ({ id }: Migration) => tell(`${token} ${id}`);
    const files = migrations.flatMap((migration, index) => [
      ...(index === 0 ? [] : freshSession(names, this.#way.limits)),
      startClock,
      ...this.#way.stepsOfFile(
        names,
        placeFile(migration, { ...this.#place, concurrently: false }),
        this.#way.limits,
      ),
      recordMigration(names, migration),
      ...(migrations.length > 1 ? [tellOf(migration)] : []),
    ]);
    const origin = constraintsOf(migrations.at(-1)?.name ?? "");
    const steps = [...createLedger(names), ...files];
    return [
      ...ownerTransaction(names, this.#way.limits, steps, { origin }),
      // A file with a transaction of its own is told of when it is committed.
      ...(migrations.length === 1 ? migrations.map(tellOf) : []),
    ];
  }
}

/** Turns the server's marks into calls of `onFileApplied`, one after the other, each file once. */
class Progress {
  /** Unknown to the migrations, so that none of them can pretend to be done. */
  readonly token = newSecret(12);
  readonly #pending: readonly Migration[];
  readonly #tell: ApplyMigrations["onFileApplied"];
  #next = 0;
  #told: Promise<void> = Promise.resolve();

  constructor(pending: readonly Migration[], tell: ApplyMigrations["onFileApplied"]) {
    this.#pending = pending;
    this.#tell = tell;
  }

  hear(message: string): void {
    const migration = this.#pending[this.#next];
    if (migration === undefined || message !== `${this.token} ${migration.id}`) return;
    this.#announce(migration);
  }

  /** Waits until every file up to `last` has been announced. */
  async reached(last: Migration): Promise<void> {
    for (let at = this.#pending.indexOf(last); this.#next <= at; ) {
      const migration = this.#pending[this.#next];
      if (migration !== undefined) this.#announce(migration);
    }
    await this.#told;
  }

  #announce(migration: Migration): void {
    const index = this.#next++;
    this.#told = this.#told.then(() => this.#tell?.(migration, index, this.#pending.length));
    // The failure is thrown by `reached`; until then it must not count as unhandled.
    this.#told.catch(() => undefined);
  }
}
