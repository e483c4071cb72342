import pg from "pg";
import { expect, test } from "vitest";
import { migratePlatform, openMigrator, openOrm } from "../../src/database/orm.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { createDatabase, untilBlocked } from "../kit/database.ts";

async function connected(connectionString: string) {
  const client = new pg.Client({ connectionString, statement_timeout: 20_000 });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

test("an upgrade of the platform's schema gives way to transactions, and holds up nobody behind it", async () => {
  const database = await createDatabase("empty");
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => database.drop());
  const orm = openOrm({ url: database.url, entities: PLATFORM_ENTITIES });
  cleanup.defer(() => orm.close());
  await orm.em.execute("create schema platform");
  await (await openMigrator(orm)).up({ to: "Migration0017Fences" });
  const working = cleanup.use(await connected(database.url));
  const other = cleanup.use(await connected(database.url));

  await working.query("begin; select from platform.tenant");
  const upgraded = migratePlatform(orm, database.url);
  await untilBlocked(database.url);
  // Others read what the upgrade waits for, and whoever works locks what it had locked before.
  await other.query("select count(*) from platform.tenant");
  await working.query("select from platform.operation; select from platform.worker; commit");
  expect((await upgraded)[0]).toBe("Migration0018SecretVersions");
  expect(await (await openMigrator(orm)).getPending()).toEqual([]);
});
