import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Address } from "../../src/database/connection-url.ts";
import { isConnectionLoss, sqlStateOf } from "../../src/database/faults.ts";
import { openServerPools, type ServerPools } from "../../src/database/server-pools.ts";
import { asSuperuser } from "../kit/database.ts";
import { startServer, type TestServer } from "../kit/servers.ts";

let server: TestServer;
let address: Address;

beforeAll(async () => {
  server = await startServer();
  const { username, password } = new URL(server.url);
  const login = {
    user: username,
    password,
    database: "postgres",
    tls: { mode: "disable" },
  } as const;
  address = { host: server.host, port: server.port, ...login };
});

afterAll(() => server?.[Symbol.asyncDispose]());

async function withPools<T>(
  bounds: Parameters<typeof openServerPools>[0],
  work: (pools: ServerPools) => Promise<T>,
): Promise<T> {
  const pools = openServerPools(bounds);
  try {
    return await work(pools);
  } finally {
    await pools.close();
  }
}

const pidOn = (pools: ServerPools) =>
  pools.use(address, async (client) => {
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    return rows[0]?.pid;
  });

const fault = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => null,
    (error: unknown) => error,
  );

/** How many sessions a pool holds on the server, over all its databases. */
const sessions = () =>
  asSuperuser(server.url, async (client) => {
    const { rows } = await client.query<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where application_name = 'tenantry'",
    );
    return rows[0]?.n ?? 0;
  });

describe("connections to a db server", () => {
  test("are no more for thousands of databases than for one", async () => {
    const databases = Array.from({ length: 8 }, (_, index) => `own_${index}`);
    await asSuperuser(server.url, async (client) => {
      for (const name of databases) await client.query(`create database ${name}`);
    });
    await withPools({ max: 3 }, async (pools) => {
      let most = 0;
      const visit = (database: string) =>
        pools.use({ ...address, database }, async (client) => {
          most = Math.max(most, await sessions());
          return (await client.query<{ name: string }>("select current_database() as name")).rows[0]
            ?.name;
        });
      // All at once, and three times over: idle ones of other databases have to make room.
      const asked = [1, 2, 3].flatMap(() => databases);
      expect(await Promise.all(asked.map(visit))).toEqual(asked);
      expect(most).toBe(3);
      await expect(visit("nowhere")).rejects.toMatchObject({ code: "3D000" });
      expect(await Promise.all(databases.map(visit))).toEqual(databases);
      expect(most).toBe(3);
    });
  });

  test("are kept for the database that is used, and given up where they are idle longest", async () => {
    await withPools({ max: 2 }, async (pools) => {
      const pid = (database: string) =>
        pools.use({ ...address, database }, async (client) => {
          const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
          return rows[0]?.pid;
        });
      const first = await pid("own_0");
      await pid("own_1");
      expect(await pid("own_0")).toBe(first);
      await pid("own_2");
      expect(await pid("own_0")).toBe(first);
    });
  });

  test("are used again, and replaced after a hundred uses", async () => {
    await withPools({}, async (pools) => {
      const pids: unknown[] = [];
      for (let use = 0; use < 101; use += 1) pids.push(await pidOn(pools));
      expect([new Set(pids.slice(0, 100)).size, new Set(pids).size]).toEqual([1, 2]);
    });
  });

  test("are no more than so many; who waits too long is told to come again", async () => {
    await withPools({ max: 2, connectionTimeoutMillis: 200 }, async (pools) => {
      const { promise: held, resolve: release } = Promise.withResolvers<void>();
      const holders = [1, 2].map(() => pools.use(address, () => held));
      expect(isConnectionLoss(await fault(pidOn(pools)))).toBe(true);
      release();
      await Promise.all(holders);
      expect(await pidOn(pools)).toBeTypeOf("number");
    });
  });

  test("wait for a lock no longer than they may", async () => {
    await withPools({ lock_timeout: 100 }, async (pools) => {
      const lock = "select pg_advisory_xact_lock(1)";
      const blocked = await pools.use(address, async (holder) => {
        await holder.query("begin");
        await holder.query(lock);
        return await fault(pools.use(address, (client) => client.query(lock)));
      });
      expect(sqlStateOf(blocked)).toBe("55P03");
    });
  });

  test("that break between two statements fail the next one for a while, and not the process", async () => {
    await withPools({}, async (pools) => {
      const cut = pools.use(address, async (client) => {
        const ended = new Promise<void>((resolve) => client.once("end", resolve));
        const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
        await asSuperuser(server.url, (other) =>
          other.query("select pg_terminate_backend($1)", [rows[0]?.pid]),
        );
        await ended;
        await client.query("select 1");
      });
      expect(isConnectionLoss(await fault(cut))).toBe(true);
      expect(await pidOn(pools)).toBeTypeOf("number");
    });
  });

  test("are made anew when the server was restarted", async () => {
    await withPools({}, async (pools) => {
      const before = await pidOn(pools);
      await server.restart();
      const after = await pidOn(pools).catch(() => pidOn(pools));
      expect(after).not.toBe(before);
    });
  });

  test("give a server up that stands still, new ones and those that wait for an answer", async () => {
    const bounds = { connectionTimeoutMillis: 300, query_timeout: 300 };
    await withPools(bounds, async (pools) => {
      const faults = await pools.use(address, async (client) => {
        await server.freeze();
        return [await fault(client.query("select 1")), await fault(pidOn(pools))];
      });
      await server.thaw();
      expect(String(faults[0])).toMatch(/Query read timeout/);
      expect(isConnectionLoss(faults[1])).toBe(true);
      expect(await pidOn(pools)).toBeTypeOf("number");
    });
  });
});
