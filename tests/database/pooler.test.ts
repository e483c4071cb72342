import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { asSuperuser, createDatabase } from "../kit/database.ts";
import { testEnvironment } from "../kit/platform.ts";
import { openTransactionPooler } from "../kit/transaction-pooler.ts";

test("refuses a platform database behind a pooler in transaction mode, and changes nothing there", async () => {
  const database = await createDatabase("empty");
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-test-"));
  await using pooler = await openTransactionPooler(database.url);
  const pooled = new URL(database.url);
  pooled.host = `${pooler.host}:${pooler.port}`;
  const started = assemble(readConfig(testEnvironment(pooled.href, dataDir)));
  await expect(started).rejects.toThrow(
    /^DATABASE_URL leads to a connection pooler in transaction mode/,
  );
  const { rows } = await asSuperuser(database.url, (client) =>
    client.query("select 1 from pg_namespace where nspname = 'platform'"),
  );
  expect(rows).toEqual([]);
  await database.drop();
  await rm(dataDir, { recursive: true });
});
