import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { PATIENT, platformConfig } from "../../database/connect.ts";
import type { EntityManager } from "../../database/orm.ts";
import { withConnection } from "../../database/own-connection.ts";
import { UnfitPlatform } from "../../database/unfit-platform.ts";
import { assertKnownTable, hasCurrentTables } from "./dbos-tables.ts";
import { openEnginePool } from "./engine-pool.ts";
import { QUIET } from "./queue.ts";

/**
 * Brings the durable engine's own tables (schema `dbos`) to its version, before anything enqueues;
 * several processes may call it at once.
 *
 * @param url connection URL of the platform database
 * @throws UnfitPlatform when the engine, or a table of it, is not as this program knows it
 */
export async function migrateEngine(url: string): Promise<void> {
  const { assertKnownDbos, ensureEngineTables } = await import("./dbos-internals.ts");
  assertKnownDbos();
  await withConnection(platformConfig(url, "migrations", PATIENT), async (client) => {
    // The engine creates indexes concurrently, which waits for every open snapshot: a process that
    // waited inside pg_advisory_lock would hold one, and the two would wait for each other.
    while (!(await tryLock(client))) await delay(LOCK_POLL_MS);
    const pool = openEnginePool(url, 1);
    try {
      await ensureEngineTables(url, QUIET, pool);
      await assertKnownTable(
        async (sql) => (await pool.query<{ column: string }>(sql)).rows,
        "workflow_status",
      );
    } finally {
      await pool.end();
    }
  });
}

/**
 * Expects the durable engine's tables to be of its version, or of a newer one, which it bears. Loads
 * nothing of the engine, which most commands never use.
 *
 * @throws UnfitPlatform when they are older, or lack what is used of them
 */
export async function expectEngineTables(em: EntityManager): Promise<void> {
  if (!(await hasCurrentTables(em)))
    throw new UnfitPlatform(
      "The durable engine's tables are older than this program: use the version that the service runs, or upgrade with `tenantry db upgrade`",
    );
  await assertKnownTable((sql) => em.execute(sql), "workflow_status");
}

const LOCK_POLL_MS = 50;

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    "select pg_try_advisory_lock(hashtextextended('tenantry:engine-migrations', 0)) as locked",
  );
  return rows[0]?.locked === true;
}
