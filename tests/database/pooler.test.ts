import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { asSuperuser, createDatabase, type TestDatabase } from "../kit/database.ts";
import { testEnvironment } from "../kit/platform.ts";
import { openSessionPooler } from "../kit/session-pooler.ts";
import { openTransactionPooler } from "../kit/transaction-pooler.ts";

/** Starts a platform behind something that stands at this port before an empty database. */
async function startBehind(database: TestDatabase, port: number): Promise<unknown> {
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-test-"));
  const pooled = new URL(database.url);
  pooled.host = `127.0.0.1:${port}`;
  return await assemble(readConfig(testEnvironment(pooled.href, dataDir))).finally(async () => {
    const { rows } = await asSuperuser(database.url, (client) =>
      client.query("select 1 from pg_namespace where nspname = 'platform'"),
    );
    expect(rows).toEqual([]);
    await database.drop();
    await rm(dataDir, { recursive: true });
  });
}

test("refuses a platform database behind a pooler in transaction mode, and changes nothing there", async () => {
  const database = await createDatabase("empty");
  await using pooler = await openTransactionPooler(database.url);
  await expect(startBehind(database, pooler.port)).rejects.toThrow(
    /^DATABASE_URL leads to a connection pooler \(127.0.0.1:\d+\) that is in transaction mode/,
  );
});

test.each([
  ["REFUSED", "refuses the settings of sessions (unsupported startup parameter: options)"],
  ["IGNORED", "drops the settings of sessions"],
] as const)(
  "refuses one in session mode where other start-up parameters are %s",
  async (others, why) => {
    const database = await createDatabase("empty");
    await using pooler = await openSessionPooler(database.url, others);
    await expect(startBehind(database, pooler.port)).rejects.toThrow(
      `DATABASE_URL leads to a connection pooler (127.0.0.1:${pooler.port}) that ${why}: give the address of PostgreSQL itself`,
    );
  },
);
