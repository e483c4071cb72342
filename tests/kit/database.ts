import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject, vi } from "vitest";
import { TEMPLATE } from "./global-setup.ts";

/** A database of a test's own. */
export interface TestDatabase {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  drop(): Promise<void>;
}

/** A name that no other test uses: roles are shared by all databases of a server. */
export const freshName = (stem: string): string => `${stem}${randomBytes(4).toString("hex")}`;

/** A slug that no other test uses. */
export const freshSlug = (stem = "acme"): string => freshName(`${stem}-x`);

/** The URL of another database of the same server. */
export function urlOf(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

/** Runs `work` on a superuser's connection to a database of the run's server. */
export async function asSuperuser<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: "tests" });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Waits until somebody in a database waits for a lock that another holds. */
export async function untilBlocked(url: string): Promise<void> {
  const blocked =
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  await asSuperuser(url, (client) =>
    vi.waitUntil(async () => (await client.query(blocked)).rowCount !== 0, { timeout: 30_000 }),
  );
}

/** Creates an empty database, or a copy of the migrated platform database. */
export async function createDatabase(from: "empty" | "platform"): Promise<TestDatabase> {
  const server = inject("postgresUrl");
  const database = freshName("test_");
  const template = from === "platform" ? TEMPLATE : "template0";
  await asSuperuser(server, (client) =>
    client.query(`create database ${database} template ${template}`),
  );
  const url = new URL(urlOf(server, database));
  return {
    url: url.href,
    host: url.hostname,
    port: Number(url.port),
    database,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    drop: async () => {
      await asSuperuser(server, async (client) => {
        const { rows } = await client.query<{ name: string }>(
          `select datname as name from pg_database
           where shobj_description(oid, 'pg_database') like '%;home=' || $1`,
          [`${database}_tenants`],
        );
        for (const name of [database, `${database}_tenants`, ...rows.map((row) => row.name)])
          await client.query(`drop database if exists ${name} with (force)`);
      });
    },
  };
}
