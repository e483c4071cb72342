import { realpath } from "node:fs/promises";
import pg from "pg";
import { hasCode } from "./files.ts";
import { HOST } from "./port.ts";

/** The superuser of every embedded server. */
export const SUPERUSER = "tenantry";

/** So that others' connections can be told from this one by whoever reads pg_stat_activity. */
const APPLICATION = "tenantry embedded";
const CONNECT_MS = 5_000;
const NOT_YET = "57P03"; // cannot_connect_now: starting, recovering or shutting down
const WRONG_PASSWORD = "28P01";

/**
 * One connection to the server's `postgres` database, held for as long as this process uses the
 * server: it is how another process that wants to stop the server sees us, even before we have any
 * other connection. It does not keep this process alive.
 */
export class Session {
  readonly #client: pg.Client;
  #lost = false;

  private constructor(client: pg.Client) {
    this.#client = client;
    client.on("error", () => {}); // "end" follows
    client.on("end", () => {
      this.#lost = true;
    });
  }

  /**
   * Connects to the server of this cluster.
   *
   * @returns undefined while nothing there accepts connections
   * @throws when the password does not fit, or the server belongs to another cluster
   */
  static async open(cluster: string, port: number, password: string): Promise<Session | undefined> {
    const client = new pg.Client({
      host: HOST,
      port,
      user: SUPERUSER,
      password,
      database: "postgres", // an open connection elsewhere would block that database's drop
      application_name: APPLICATION,
      ssl: false,
      connectionTimeoutMillis: CONNECT_MS,
    });
    const session = new Session(client);
    try {
      await client.connect();
    } catch (error) {
      await client.end();
      if (acceptsNobodyYet(error)) return undefined;
      if (!hasCode(error, WRONG_PASSWORD)) throw error;
      throw new Error(`The password in postgres.json is not the one of ${cluster}`, {
        cause: error,
      });
    }
    await session.#expectCluster(cluster);
    session.#hold(false);
    return session;
  }

  /** Answers false once the connection is gone, however that came. */
  get isOpen(): boolean {
    return !this.#lost;
  }

  async createDatabaseIfAbsent(name: string): Promise<void> {
    const found = await this.#query("select 1 from pg_database where datname = $1", [name]);
    if (found.length > 0) return;
    const options = "template template0 encoding 'UTF8'"; // the locale is initdb's, and fits
    await this.#query(`create database ${pg.escapeIdentifier(name)} ${options}`);
  }

  /** Nobody but superusers has business in the databases that every server has: tenants' roles least of all. */
  async closeMaintenanceDatabases(): Promise<void> {
    const open = await this.#query(
      `select from pg_database where datname in ('postgres', 'template1')
         and has_database_privilege('public', oid, 'connect, temporary')`,
    );
    if (open.length === 0) return;
    await this.#query("revoke connect, temporary on database postgres, template1 from public");
  }

  /** How many client connections there are beside this one. */
  async countOthers(): Promise<number> {
    const [row] = await this.#query(
      `select count(*)::int as others from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
    return row?.others as number;
  }

  async end(): Promise<void> {
    if (this.#lost) return;
    this.#hold(true);
    await this.#client.end();
  }

  async #expectCluster(cluster: string): Promise<void> {
    const [row] = await this.#query("select current_setting('data_directory') as dir");
    const served = await realpath(row?.dir as string);
    if (served === cluster) return;
    await this.end();
    throw new Error(`The port of ${cluster} is served by ${served}, a copy of it`);
  }

  async #query(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    this.#hold(true);
    try {
      return (await this.#client.query(sql, values)).rows;
    } finally {
      this.#hold(false);
    }
  }

  /** Whether the connection keeps this process alive: only while it waits for an answer. */
  #hold(busy: boolean): void {
    const client = this.#client as pg.Client & { ref(): void; unref(): void }; // not in its types
    if (busy) client.ref();
    else client.unref();
  }
}

/** What is no answer of a server (refused, reset, timed out) may become one. */
function acceptsNobodyYet(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || error.code === NOT_YET;
}
