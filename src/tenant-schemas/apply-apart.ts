import { createHash } from "node:crypto";
import type { ClientBase } from "pg";
import { isConnectionLoss } from "../database/faults.ts";
import { giveUp } from "../database/own-connection.ts";
import { ident, literal } from "../database/sql.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { linesBefore } from "../sql-files/sql-file.ts";
import type { TenantNames } from "../tenants/names.ts";
import { dropMade, indexesOf, isDone } from "./concurrent-indexes.ts";
import { fileError, mayPass, publicErrorOf } from "./file-failures.ts";
import { createLedger, recordMigration, rowsOrNone } from "./ledger.ts";
import type { LockWaits } from "./lock-waits.ts";
import type { Migration } from "./migration-folder.ts";
import { LONGEST_TIMER_MS, runSteps, type Step } from "./multi-query.ts";
import { onOwnLogin } from "./own-login.ts";
import {
  asOwner,
  constraintsOf,
  freshSession,
  type OwnerLimits,
  ownerTransaction,
  type StepsOfFile,
  timeoutSql,
} from "./owner-steps.ts";
import type { PlacedFile, PlacedStatement } from "./placed-file.ts";

/** A migration as it is sent to one tenant's database. */
export type PlacedMigration = Omit<Migration, "statements"> & PlacedFile;

/** What holds for all files of one application. */
export interface WayOfApplying {
  readonly limits: OwnerLimits;
  readonly stepsOfFile: StepsOfFile;
  readonly waits: LockWaits;
}

/** How far a file has come, in the tenant schema while it is being applied. */
const PROGRESS = "tenantry_migration_progress";

/**
 * Applies a file that cannot be one transaction: part by part, each with a mark of how far it came, so
 * that another attempt goes on behind what is done. A part is one statement, or what the file itself
 * puts into one transaction. An index that an earlier attempt left INVALID is dropped and built again
 * (PostgreSQL, CREATE INDEX, "Building Indexes Concurrently").
 *
 * @throws DomainError E_MIGRATIONS_FAILED, E_MIGRATION_DRIFT where what was done has changed in the file
 *   since; transient faults as they come
 */
export async function applyApart(
  client: ClientBase,
  names: TenantNames,
  migration: PlacedMigration,
  way: WayOfApplying,
): Promise<void> {
  const started = await clockOf(client);
  const apart = new Apart(client, names, migration, way);
  try {
    await apart.apply();
    await apart.end(started);
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw publicErrorOf(error, "E_MIGRATIONS_FAILED", way.waits.behind(error));
  } finally {
    // A connection that keeps the role ends.
    await client.query("reset role; discard temp; reset all").catch(() => giveUp(client));
  }
}

async function clockOf(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ now: string }>("select clock_timestamp()::text as now");
  return rows[0]?.now ?? "";
}

interface Progress {
  /** How many statements are done, and how many were begun. */
  readonly done: number;
  readonly begun: number;
  /** What those that are done were. */
  readonly hash: string;
}

class Apart {
  readonly #client: ClientBase;
  readonly #names: TenantNames;
  readonly #migration: PlacedMigration;
  readonly #limits: OwnerLimits;
  readonly #stepsOfFile: StepsOfFile;
  readonly #waits: LockWaits;

  constructor(
    client: ClientBase,
    names: TenantNames,
    migration: PlacedMigration,
    { limits, stepsOfFile, waits }: WayOfApplying,
  ) {
    this.#stepsOfFile = stepsOfFile;
    this.#waits = waits;
    this.#client = client;
    this.#names = names;
    this.#migration = migration;
    this.#limits = limits;
  }

  async apply(): Promise<void> {
    const { statements } = this.#migration;
    const progress = await this.#progress();
    for (let from = progress.done; from < statements.length; ) {
      const first = statements[from];
      let to = from + 1;
      while (statements[to]?.unit === first?.unit) to++;
      const begun = progress.begun > from;
      if (first?.commits)
        await onOwnLogin(this.#client, this.#names, (own) =>
          this.#outside(own, first, from, begun),
        );
      else if (first?.outside) await this.#outside(this.#client, first, from, begun);
      else await this.#inside(from, to);
      from = to;
    }
  }

  /** Records the file, and removes the mark. */
  async end(started: string): Promise<void> {
    const since = `${literal(started)}::pg_catalog.timestamptz`;
    const steps = [
      ...createLedger(this.#names),
      recordMigration(this.#names, this.#migration, since),
      { sql: `drop table if exists ${this.#table}` },
    ];
    await runSteps(this.#client, ownerTransaction(this.#names, this.#limits, steps));
  }

  get #table(): string {
    return `${ident(this.#names.schema)}.${PROGRESS}`;
  }

  async #progress(): Promise<Progress> {
    const { id, name, statements } = this.#migration;
    const [row] = await rowsOrNone<Progress>(
      this.#client,
      `select done, begun, hash from ${this.#table} where id = ${literal(id)}`,
    );
    if (row === undefined) return { done: 0, begun: 0, hash: "" };
    if (row.hash === hashOf(statements.slice(0, row.done))) return row;
    throw new DomainError("E_MIGRATION_DRIFT", {
      message: `${name} was changed in its first ${row.done} statements, which are applied already`,
      nextAction:
        "Restore those statements as they were applied, change only what follows them, then migrate again with `migrateTenant`.",
      detail: { migration: id, done: row.done },
      migration: { file: name, line: statements[0]?.line ?? 1 },
    });
  }

  /** Statements in a transaction of their own, behind the settings that the file has made before them. */
  async #inside(from: number, to: number): Promise<void> {
    const { name, statements } = this.#migration;
    const part = [...this.#settingsBefore(from), ...statements.slice(from, to)];
    const steps = [
      ...this.#stepsOfFile(this.#names, { name, statements: part }, this.#limits),
      ...this.#createTable(),
      asOwner(this.#names, [this.#mark(to, to)]),
    ];
    const transaction = ownerTransaction(this.#names, this.#limits, steps, {
      temporary: from === 0 ? "DISCARD" : "KEEP",
      origin: constraintsOf(name),
    });
    await this.#waits.during(this.#client, name, () => runSteps(this.#client, transaction));
  }

  #settingsBefore(at: number): PlacedStatement[] {
    return this.#migration.statements.slice(0, at).filter(({ setting }) => setting !== null);
  }

  /** The app role has no rights on it. */
  #createTable(): Step[] {
    return [
      {
        sql: `create table if not exists ${this.#table} (id text primary key, done integer not null,
          begun integer not null, hash text not null)`,
      },
      { sql: `revoke all on table ${this.#table} from ${ident(this.#names.appRole)}` },
    ];
  }

  #mark(done: number, begun: number): string {
    const { id, statements } = this.#migration;
    const hash = literal(hashOf(statements.slice(0, done)));
    return `insert into ${this.#table} (id, done, begun, hash)
      values (${literal(id)}, ${done}, ${begun}, ${hash})
      on conflict (id) do update set done = ${done}, begun = ${begun}, hash = ${hash}`;
  }

  /** A statement with CONCURRENTLY, which brings no code of the file along, or one on the owner's own login. */
  async #outside(
    client: ClientBase,
    statement: PlacedStatement,
    at: number,
    begunBefore: boolean,
  ): Promise<void> {
    await this.#openSession(client, at);
    for (const { sql } of this.#createTable()) await client.query(sql);
    await client.query(this.#mark(at, at + 1));
    const indexes = await indexesOf(client, this.#names);
    if (!(await isDone(client, statement, begunBefore, indexes)))
      await this.#run(client, statement, at, indexes);
    await client.query(this.#mark(at + 1, at + 1));
    await client.query("reset role");
  }

  async #openSession(client: ClientBase, at: number): Promise<void> {
    // Temporary objects are the file's until it ends.
    const [, ...fresh] = freshSession(this.#names, this.#limits, "SESSION");
    for (const { sql } of fresh) await client.query(sql);
    await client.query("set statement_timeout = 0");
    await client.query(`set role ${ident(this.#names.ownerRole)}`);
    for (const { sql, setting } of this.#settingsBefore(at)) {
      const timeout = setting?.timeout ?? null;
      const session = sql.replace(/^set\s+local\b/i, "set");
      await client.query(timeout === null ? session : timeoutSql(timeout, this.#limits, "session"));
    }
  }

  async #run(
    client: ClientBase,
    statement: PlacedStatement,
    at: number,
    before: Awaited<ReturnType<typeof indexesOf>>,
  ): Promise<void> {
    const { sql, text, line } = statement;
    const { name } = this.#migration;
    // No bound: an index on a large table takes as long as it takes.
    const query = { text: sql, query_timeout: LONGEST_TIMER_MS } as { text: string };
    try {
      await this.#waits.during(client, `${name} line ${line}`, () => client.query(query));
    } catch (cause) {
      if (!(cause instanceof Error) || isConnectionLoss(cause)) throw cause;
      const left = await dropMade(client, this.#names, statement, before);
      // What the server has refused was not begun: another attempt must not take it for done.
      if (left.length === 0 && !mayPass(cause)) await client.query(this.#mark(at, at));
      const position = "position" in cause ? Number(cause.position) - 1 : 0;
      const place = { file: name, line: line + linesBefore(sql, position) };
      const more = left.map((index) => `; it leaves the INVALID index ${index}`);
      const behind = [this.#waits.behind(cause), ...more].join("");
      throw fileError("E_MIGRATIONS_FAILED", { ...place, statement: text }, cause, behind);
    }
  }
}

const hashOf = (statements: readonly PlacedStatement[]): string =>
  createHash("sha256")
    .update(JSON.stringify(statements.map(({ text }) => text)))
    .digest("hex");
