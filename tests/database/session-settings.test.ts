import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { scramVerifier } from "../../src/database/sql.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { asSuperuser, createDatabase, freshName } from "../kit/database.ts";
import { testEnvironment } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";

const HOSTILE = {
  default_transaction_isolation: "serializable",
  datestyle: "German, DMY",
  intervalstyle: "iso_8601",
  timezone: "Asia/Kolkata",
  search_path: "nowhere",
  standard_conforming_strings: "off",
  idle_session_timeout: "1s",
};
const NAMES = Object.keys(HOSTILE).map((name) => `'${name}'`);

test("works as a role whose defaults are others than the platform relies on", async () => {
  const database = await createDatabase("empty");
  const role = freshName("hostile_");
  await asSuperuser(database.url, async (client) => {
    const rights = "login createdb createrole";
    await client.query(`create role ${role} ${rights} password '${scramVerifier("hush")}'`);
    for (const [name, value] of Object.entries(HOSTILE))
      await client.query(
        `alter role ${role} set ${name} = ${name === "search_path" ? value : `'${value}'`}`,
      );
    await client.query(`alter database ${database.database} owner to ${role}`);
  });
  const url = new URL(database.url);
  url.username = role;
  url.password = "hush";
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-test-"));
  const platform = await assemble(readConfig(testEnvironment(url.href, dataDir)));
  const worker = await startPlatformWorker(platform);
  try {
    const provisioned = Promise.all([
      provision(platform, { isolation: "SCHEMA" }),
      provision(platform, { isolation: "DATABASE" }),
    ]);
    for (const { operation } of await provisioned) {
      expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
      expect(Number.isNaN(operation.createdAt.getTime())).toBe(false);
    }
    const settings = await platform.orm.em
      .fork()
      .execute(`select name, setting from pg_settings where lower(name) in (${NAMES})`);
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      default_transaction_isolation: "read committed",
      DateStyle: "ISO, MDY",
      IntervalStyle: "postgres",
      TimeZone: "UTC",
      search_path: "public",
      standard_conforming_strings: "on",
      idle_session_timeout: "0",
    });
  } finally {
    await worker.stop(2_000);
    await platform.close();
    await database.drop();
    await rm(dataDir, { recursive: true });
  }
});
