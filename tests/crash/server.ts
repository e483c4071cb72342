import { rm } from "node:fs/promises";
import pg from "pg";
import { startEmbeddedPostgres } from "../../packages/embedded-postgres/src/index.ts";
import { migratePlatform, openOrm } from "../../src/database/orm.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { migrateEngine } from "../../src/operations/engine/engine-tables.ts";
import { urlOf } from "../kit/database.ts";
import { CARELESS, makeServerFolder } from "../kit/folders.ts";

/** The server of a sweep, and the migrated platform database that lanes clone. */
export interface Server {
  /** Connection URL as its superuser, in the database `postgres`. */
  readonly url: string;
  readonly template: string;
}

const TEMPLATE = "sweep_template";

/** Starts the sweep's PostgreSQL, with a migrated platform database to clone. */
export async function startSweepServer(): Promise<Server & AsyncDisposable> {
  const dataDir = await makeServerFolder("tenantry-sweep-");
  const settings = {
    ...CARELESS,
    max_wal_size: "256MB",
    max_connections: "800",
    wal_level: "minimal",
    max_wal_senders: "0",
    autovacuum: "off",
  };
  const postgres = await startEmbeddedPostgres({ dataDir, database: TEMPLATE, settings });
  const orm = openOrm({ url: postgres.url, entities: PLATFORM_ENTITIES });
  await migratePlatform(orm, postgres.url);
  await orm.close();
  await migrateEngine(postgres.url);
  return {
    url: urlOf(postgres.url, "postgres"),
    template: TEMPLATE,
    [Symbol.asyncDispose]: async () => {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A superuser's session. */
export async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: "sweep" });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Runs one statement in the database `postgres`. */
export async function asAdmin<T extends pg.QueryResultRow>(
  { url }: Server,
  sql: string,
): Promise<T[]> {
  const client = await connected(url);
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}
