import type { ClientBase } from "pg";
import { withSessionLock } from "../database/locks.ts";
import { newSecret } from "../kernel/ids.ts";
import type { TenantNames } from "../tenants/names.ts";
import { applyOutside } from "./apply-outside.ts";
import { isOnCitus } from "./citus.ts";
import { fileOnNode } from "./distributed-tables.ts";
import { ensureExtensions } from "./extensions.ts";
import { createLedger, pendingOf, readLedger, recordMigration, startClock } from "./ledger.ts";
import type { Migration, MigrationFolder } from "./migration-folder.ts";
import { type Origin, runSteps, type Step } from "./multi-query.ts";
import {
  commitAsOwner,
  DEFAULT_LIMITS,
  fileAsOwner,
  type OwnerLimits,
  openAsOwner,
  publicErrorOf,
  tell,
} from "./owner-steps.ts";

export interface ApplyMigrations {
  readonly names: TenantNames;
  readonly folder: MigrationFolder;
  /**
   * `one-transaction` for a fresh schema: one round trip and one transaction for all files that
   * allow it. `transaction-per-file` for a schema in use: shorter locks, and what succeeded stays.
   */
  readonly mode: "one-transaction" | "transaction-per-file";
  /**
   * Told of each applied file, in order, as it happens; `index` counts from 0 among the `total`
   * pending ones. Files that share a transaction are told of before it is committed.
   */
  readonly onFileApplied?: (
    migration: Migration,
    index: number,
    total: number,
  ) => void | Promise<void>;
  /** Looked at before each round trip; its reason is thrown. A running round trip is finished. */
  readonly signal?: AbortSignal;
  readonly limits?: Partial<OwnerLimits>;
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
 * @throws DomainError E_MIGRATION_DRIFT, E_MIGRATION_UNSAFE (an extension), or E_MIGRATIONS_FAILED
 *   with `detail { file, line, sqlstate, statement }`; transient faults (`isTransient`) as they come
 */
export async function applyMigrations(
  client: ClientBase,
  request: ApplyMigrations,
): Promise<AppliedMigrations> {
  return await withSessionLock(client, schemaLock(request.names.schema), async () => {
    const ledger = await readLedger(client, request.names.schema);
    const pending = pendingOf(request.folder, ledger);
    if (pending.length > 0) await ensureExtensions(client, pending);
    const stepsOfFile = (await isOnCitus(client)) ? fileOnNode : fileInOneCall;
    const progress = new Progress(pending, request.onFileApplied);
    for (const round of roundsOf(pending, request)) {
      request.signal?.throwIfAborted();
      if ("outside" in round) await applyOutside(client, request.names, round.outside);
      else await applyRound(client, request, round.transactions, { progress, stepsOfFile });
      await progress.reached(round.last);
    }
    const version = pending.at(-1)?.id ?? ledger.at(-1)?.id ?? null;
    return { applied: pending.map(({ id }) => id), version };
  });
}

type Round =
  | { readonly last: Migration; readonly transactions: readonly (readonly Migration[])[] }
  | { readonly last: Migration; readonly outside: Migration };

/**
 * What goes to the server in one round trip. Files of a folder with deferrable constraints get a
 * transaction each: rows whose check is pending bar an ALTER TABLE of the next file (55006).
 */
function roundsOf(pending: readonly Migration[], { mode, folder }: ApplyMigrations): Round[] {
  const apart = folder.migrations.some(({ deferrable }) => deferrable);
  const rounds: Round[] = [];
  let gathered: Migration[] = [];
  const send = () => {
    const last = gathered.at(-1);
    if (last === undefined) return;
    const transactions = apart ? gathered.map((migration) => [migration]) : [gathered];
    rounds.push({ last, transactions });
    gathered = [];
  };
  for (const migration of pending) {
    if (!migration.transactional || mode === "transaction-per-file") send();
    if (migration.transactional) gathered.push(migration);
    else rounds.push({ last: migration, outside: migration });
  }
  send();
  return rounds;
}

/** How the server is told a file: Citus asks for more than one call. */
type StepsOfFile = (names: TenantNames, file: Migration) => Step[];

const fileInOneCall: StepsOfFile = (names, file) => [fileAsOwner(names, file)];

async function applyRound(
  client: ClientBase,
  request: ApplyMigrations,
  transactions: readonly (readonly Migration[])[],
  { progress, stepsOfFile }: { readonly progress: Progress; readonly stepsOfFile: StepsOfFile },
): Promise<void> {
  const limits = { ...DEFAULT_LIMITS, ...request.limits };
  const steps = transactions.flatMap((migrations) =>
    stepsOf(request.names, migrations, { limits, token: progress.token, stepsOfFile }),
  );
  try {
    await runSteps(client, [...steps, { sql: "reset all" }], (message) => progress.hear(message));
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw publicErrorOf(error, "E_MIGRATIONS_FAILED");
  }
}

interface StepOptions {
  readonly limits: OwnerLimits;
  /** What a mark of progress begins with. */
  readonly token: string;
  readonly stepsOfFile: StepsOfFile;
}

function stepsOf(
  names: TenantNames,
  migrations: readonly Migration[],
  { limits, token, stepsOfFile }: StepOptions,
): Step[] {
  const tellOf = ({ id }: Migration) => tell(`${token} ${id}`);
  const files = migrations.flatMap((migration) => [
    startClock,
    ...(migration.statements.length > 0 ? stepsOfFile(names, migration) : []),
    recordMigration(names, migration),
    ...(migrations.length > 1 ? [tellOf(migration)] : []),
  ]);
  const last = migrations.at(-1);
  const end: Origin = { file: last?.name ?? "", line: 1, text: "deferred constraints" };
  return [
    ...openAsOwner(names, limits),
    ...createLedger(names),
    ...files,
    ...commitAsOwner(names, end),
    // A file with a transaction of its own is told of when it is committed.
    ...(migrations.length === 1 ? migrations.map(tellOf) : []),
  ];
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
