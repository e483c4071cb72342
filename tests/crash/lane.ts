import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import type { Platform } from "../../src/platform.ts";
import { ISOLATIONS } from "../../src/tenants/names.ts";
import { type Caller, openTestApi, type TestApi } from "../kit/api.ts";
import { freshName, freshSlug, urlOf } from "../kit/database.ts";
import { type KeyVault, openTestStore, startKeyVault } from "../kit/key-vault.ts";
import { testEnvironment } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import type { CrashOperation } from "./operations.ts";
import type { Place } from "./place.ts";
import { asAdmin, connected, type Server } from "./server.ts";
import { settledSnapshot } from "./snapshot.ts";
import { pause } from "./waiting.ts";
import { WorkerProcess, type WorkerSettings } from "./worker-process.ts";

const SIGNED_IN_MS = 600_000;

/** How workers of a sweep work. */
export type Pace = WorkerSettings["options"];

/** A tenant that nothing is done to. */
interface Bystander {
  readonly slug: string;
  readonly snapshot: readonly string[];
}

type Parts = Pick<Lane, "store" | "platform" | "dataDir" | "vault" | "sql" | "tenants"> & {
  readonly api: TestApi;
};

/**
 * A platform of its own, with one worker behind proxies, which dies, and one that carries on. Both are
 * processes that are kept, and begin and end to work as a case needs them.
 */
export class Lane implements Place {
  readonly store: CrashOperation["store"];
  readonly platform: Platform;
  readonly dataDir: string;
  readonly vault: KeyVault | null;
  readonly sql: pg.Client;
  readonly tenants: pg.Client;
  /** Tenants that nothing is done to, with their snapshots. */
  readonly bystanders: Bystander[] = [];
  /** How many cases it has seen. */
  cases = 0;
  /** The one that carries on. */
  rescuer!: WorkerProcess;
  #doomed!: Promise<WorkerProcess>;
  readonly #api: TestApi;
  #caller!: Promise<Caller>;
  #signedInAt = Number.NEGATIVE_INFINITY;
  readonly #database: string;
  readonly #server: Server;
  readonly #environment: Record<string, string>;
  readonly #pace: Pace;
  #idle: ReadonlySet<string> = new Set();
  /** Workers, those started last first. */
  #last: readonly WorkerProcess[] = [];

  private constructor(
    parts: Parts,
    own: { database: string; server: Server; environment: Record<string, string>; pace: Pace },
  ) {
    this.store = parts.store;
    this.platform = parts.platform;
    this.dataDir = parts.dataDir;
    this.vault = parts.vault;
    this.sql = parts.sql;
    this.tenants = parts.tenants;
    this.#api = parts.api;
    this.#database = own.database;
    this.#server = own.server;
    this.#environment = own.environment;
    this.#pace = own.pace;
  }

  static async open(server: Server, store: Lane["store"], pace: Pace): Promise<Lane> {
    const database = freshName("sweep_");
    await asAdmin(server, `create database ${database} template ${server.template}`);
    const dataDir = await mkdtemp(join(tmpdir(), "tenantry-sweep-"));
    // The machine may do much else.
    const databaseUrl = `${urlOf(server.url, database)}?connect_timeout=60`;
    const environment = { ...testEnvironment(databaseUrl, dataDir), LOG_LEVEL: "debug" };
    const vault = store === "vault" ? await startKeyVault() : null;
    const secrets = vault ? { secrets: openTestStore(vault.url) } : {};
    const platform = await assemble(readConfig({ ...environment, LOG_LEVEL: "silent" }), secrets);
    const sql = await connected(databaseUrl);
    const tenants = await connected(urlOf(server.url, `${database}_tenants`));
    const api = await openTestApi({ platform });
    const parts = { store, platform, dataDir, vault, sql, tenants, api };
    const lane = new Lane(parts, { database, server, environment, pace });
    lane.#doomed = lane.#open(true);
    [lane.rescuer] = await Promise.all([lane.#open(false), lane.#doomed]);
    await lane.#settle();
    return lane;
  }

  /** Makes the bystanders: one in each isolation. */
  async #settle(): Promise<void> {
    await this.rescuer.work();
    for (const isolation of ISOLATIONS) {
      const slug = freshSlug("by");
      await provision(this.platform, { slug, isolation, seeds: ["core"] });
      const snapshot = await settledSnapshot(this, slug, { doctor: false });
      this.bystanders.push({ slug, snapshot });
    }
  }

  /** The worker that things befall: a living one. */
  async doomed(): Promise<WorkerProcess> {
    if ((await this.#doomed.catch(() => null))?.lives !== true) this.replaceDoomed();
    const doomed = await this.#doomed;
    doomed.units.knows(this.#idle);
    return doomed;
  }

  /** An administrator who asks the API everything. */
  async caller(): Promise<Caller> {
    // An access token is valid for a quarter of an hour.
    if (performance.now() - this.#signedInAt > SIGNED_IN_MS) {
      this.#signedInAt = performance.now();
      this.#caller = this.#api.as("ADMINISTRATOR");
    }
    return await this.#caller;
  }

  /** Begins to start another one in its place. */
  replaceDoomed(): void {
    const before = this.#doomed;
    this.#doomed = before
      .then(
        (ended) => ended.end(),
        () => undefined,
      )
      .then(() => this.#open(true));
    // Whoever needs it hears of a failure.
    this.#doomed.catch(() => undefined);
  }

  /** Learns what a worker sends that has nothing to do. */
  async learn(forMs: number): Promise<ReadonlySet<string>> {
    const doomed = await this.doomed();
    // Nobody puts anything on the queue meanwhile.
    await this.rescuer.rest();
    await doomed.work();
    await pause(forMs);
    doomed.units.learn();
    await pause(forMs);
    doomed.units.off();
    await doomed.rest();
    this.#idle = doomed.units.idle;
    return this.#idle;
  }

  /** Takes over what was learned on another lane. */
  knows(idle: ReadonlySet<string>): void {
    this.#idle = idle;
  }

  /** What the workers have printed. */
  logs(): string {
    return this.#last.map((worker) => worker.takeLog()).join("\n");
  }

  async valuesOf(name: string): Promise<string[]> {
    if (this.vault)
      return this.vault.secrets.stateOf(name) === "LIVE" ? this.vault.secrets.valuesOf(name) : [];
    const { rows } = await this.sql.query<{ version: string }>(
      "select version from platform.secret_version where name = $1 order by ordinal",
      [name],
    );
    const values = rows.map(
      async ({ version }) => (await this.platform.secrets.get(name, version))?.value ?? "",
    );
    return await Promise.all(values);
  }

  async secretNames(): Promise<string[]> {
    if (this.vault) return this.vault.secrets.names();
    const { rows } = await this.sql.query<{ name: string }>(
      "select distinct name from platform.secret_version",
    );
    return rows.map(({ name }) => name);
  }

  /** The master key of the local store, the superuser's password, and the bystanders' own. */
  async planted(): Promise<string[]> {
    const key = await readFile(join(this.dataDir, "secret.key"), "utf8").catch(() => "");
    const urls = (
      await Promise.all(this.bystanders.map(({ slug }) => this.valuesOf(`tenant-db-${slug}`)))
    ).flat();
    const passwords = [this.#server.url, ...urls].map((url) =>
      decodeURIComponent(new URL(url).password),
    );
    return [key.trim(), ...passwords].filter(Boolean);
  }

  /** The databases of this lane: its own, the shared one, and those of tenants. */
  get databases(): string {
    return `datname in ('${this.#database}', '${this.#database}_tenants') or shobj_description(
      (select oid from pg_database d where d.datname = a.datname), 'pg_database') like '%;home=${this.#database}_tenants'`;
  }

  async close(): Promise<void> {
    await (await this.#doomed.catch(() => null))?.end();
    await this.rescuer.end();
    await this.#api[Symbol.asyncDispose]();
    await this.platform.close();
    await Promise.all([this.sql.end(), this.tenants.end()]);
    await this.vault?.[Symbol.asyncDispose]();
    await this.#drop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async #open(proxied: boolean): Promise<WorkerProcess> {
    const port = Number(new URL(this.#server.url).port);
    const opened = await WorkerProcess.open(
      {
        environment: this.#environment,
        vaultUrl: this.vault?.url ?? null,
        options: this.#pace,
      },
      { port, proxied },
    );
    this.#last = [opened, ...this.#last].slice(0, 3);
    return opened;
  }

  async #drop(): Promise<void> {
    const home = `${this.#database}_tenants`;
    const own = await asAdmin<{ name: string }>(
      this.#server,
      `select datname as name from pg_database where shobj_description(oid, 'pg_database') like '%;home=${home}'`,
    );
    for (const name of [this.#database, home, ...own.map(({ name }) => name)])
      await asAdmin(this.#server, `drop database if exists ${name} with (force)`);
  }
}

/** Waits until a worker has sent nothing for so long but what it sends at rest. */
export async function quiet(
  { units }: WorkerProcess,
  forMs: number,
  atMostMs = 20_000,
): Promise<void> {
  const end = performance.now() + atMostMs;
  while (units.quietMs < forMs && performance.now() < end) await pause(20);
}
