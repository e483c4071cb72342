import pg from "pg";
import { expect, test } from "vitest";
import { enterAs, fencedBy, isFenced } from "../../src/database/fence.ts";
import { createDatabase } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";

const database = perFile(async () => {
  const made = await createDatabase("empty");
  return { ...made, [Symbol.asyncDispose]: () => made.drop() };
});

/** A session, with the error that ended it. */
async function session() {
  const client = new pg.Client({ connectionString: database.url });
  const ended = new Promise<Error>((resolve) => client.on("error", resolve));
  await client.connect();
  return { client, ended, [Symbol.asyncDispose]: () => client.end().catch(() => {}) };
}

const effect = (client: pg.ClientBase, name: string) =>
  client.query(`create table ${name} (id int)`);

const tables = async (client: pg.ClientBase) =>
  (
    await client.query<{ name: string }>(
      "select relname as name from pg_class where relname ~ '^made_'",
    )
  ).rows.map(({ name }) => name);

test("a greater token ends the sessions of lower ones, and what they have not committed", async () => {
  await using former = await session();
  await using other = await session();
  await using next = await session();
  await enterAs(former.client, { key: "a", token: 1 });
  await enterAs(other.client, { key: "b", token: 1 });
  await former.client.query("begin");
  await effect(former.client, "made_late");
  await enterAs(next.client, { key: "a", token: 2 });
  expect((await former.ended).message).toMatch(/terminating connection/);
  expect(await tables(next.client)).toEqual([]);
  await effect(other.client, "made_elsewhere");
  expect(await tables(next.client)).toEqual(["made_elsewhere"]);
});

test("a lower token is refused, and told of the greater one", async () => {
  await using next = await session();
  await using former = await session();
  await enterAs(next.client, { key: "c", token: 7 });
  const refused = await enterAs(former.client, { key: "c", token: 6 }).catch((error) => error);
  expect([isFenced(refused), fencedBy(refused)]).toEqual([true, 7]);
  await enterAs(former.client, { key: "c", token: 7 });
  expect((await next.client.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
});

test("of many that come at once, those of the greatest token stay", async () => {
  await using others = new AsyncDisposableStack();
  const tokens = [3, 5, 4, 5, 1, 5, 2, 5];
  const sessions = await Promise.all(tokens.map(session));
  for (const each of sessions) others.use(each);
  await Promise.allSettled(
    sessions.map(({ client }, index) => enterAs(client, { key: "d", token: tokens[index] ?? 0 })),
  );
  await using last = await session();
  await enterAs(last.client, { key: "d", token: 5 });
  const alive = await Promise.all(
    sessions.map(({ client }) =>
      client.query("select 1").then(
        () => true,
        () => false,
      ),
    ),
  );
  const holders = await last.client.query(
    `select from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and granted
       and database = (select oid from pg_database where datname = current_database())
       and (classid::bigint << 32) | objid::bigint = hashtextextended('tenantry:fence=d', 0)`,
  );
  expect(alive.filter((_, index) => tokens[index] === 5)).toEqual([true, true, true, true]);
  expect(holders.rowCount).toBe(5);
});

test("a session that is given on leaves its former fence, and keeps its settings", async () => {
  await using given = await session();
  await using next = await session();
  await given.client.query("set lock_timeout = '7s'");
  await enterAs(given.client, { key: "e", token: 1 });
  await enterAs(given.client, null);
  await enterAs(next.client, { key: "e", token: 2 });
  await enterAs(given.client, { key: "f", token: 1 });
  await enterAs(next.client, { key: "f", token: 2 });
  expect((await given.ended).message).toMatch(/terminating connection/);
  expect((await next.client.query("show lock_timeout")).rows).toEqual([{ lock_timeout: "0" }]);
});
