import type pg from "pg";
import { describe, expect, test, vi } from "vitest";
import lock from "../../package-lock.json" with { type: "json" };
import { platformConfig } from "../../src/database/connect.ts";
import { readConnectionUrl } from "../../src/database/connection-url.ts";
import { faultOf } from "../../src/database/faults.ts";
import { withSessionLock } from "../../src/database/locks.ts";
import { openOrm } from "../../src/database/orm.ts";
import { withConnection } from "../../src/database/own-connection.ts";
import { openServerPools } from "../../src/database/server-pools.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { openEnginePool } from "../../src/operations/engine/engine-pool.ts";
import { openCutWay, WAYS } from "../kit/cut-way.ts";
import { createDatabase } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";

const PLACES = 2;
const STATEMENT = "select 'the statement'";

type Query = (text: string) => Promise<unknown>;

/** A pool as its users use it. */
interface Pool {
  /** A transaction of one statement, which is rolled back where that is wanted. */
  transaction(rollback: boolean): Promise<void>;
  /** Looks up a number, on whatever connection. */
  serve(n: number): Promise<unknown>;
  close(): Promise<void>;
}

async function transact(query: Query, rollback: boolean): Promise<void> {
  await query("begin");
  await query(STATEMENT);
  await query(rollback ? "rollback" : "commit");
}

const KINDS: Record<string, (url: string) => Promise<Pool>> = {
  "of the ORM": async (url) => {
    const orm = openOrm({ url, entities: PLATFORM_ENTITIES, poolSize: PLACES });
    return {
      transaction: (rollback) =>
        orm.em.fork().transactional(async (em) => {
          await em.execute(STATEMENT);
          if (rollback) throw new Error("rolled back");
        }),
      serve: async (n) => (await orm.em.fork().execute<{ n: number }[]>(`select ${n} as n`))[0]?.n,
      close: () => orm.close(true),
    };
  },
  "of the engine": async (url) => {
    const pool = openEnginePool(url, PLACES);
    return {
      // As the engine does it, which gives everything back alike.
      transaction: async (rollback) => {
        const client = await pool.connect();
        try {
          await transact((text) => client.query(text), rollback);
        } finally {
          client.release();
        }
      },
      serve: async (n) => (await pool.query<{ n: number }>(`select ${n} as n`)).rows[0]?.n,
      close: () => pool.end(),
    };
  },
  "of a db server": async (url) => {
    const pools = openServerPools({ max: PLACES });
    const address = readConnectionUrl(url);
    return {
      transaction: (rollback) =>
        pools.use(address, (client) => transact((text) => client.query(text), rollback)),
      serve: (n) =>
        pools.use(address, async (client) => (await client.query(`select ${n} as n`)).rows[0].n),
      close: () => pools.close(),
    };
  },
};

const database = perFile(async () => {
  const made = await createDatabase("empty");
  return { ...made, [Symbol.asyncDispose]: () => made.drop() };
});

describe.each(Object.entries(KINDS))("the pool %s", (_name, open) => {
  // The first is in the packet that begins a session.
  const STAGES = ["application_name", "begin", STATEMENT, "commit", "rollback"];
  const cases = STAGES.flatMap((stage) => WAYS.map((way) => ({ stage, way })));

  test.each(cases)(
    "serves on when connections are lost at $stage: $way",
    async ({ stage, way }) => {
      await using cutWay = await openCutWay(database.url);
      const pool = await open(cutWay.url);
      try {
        for (let round = 0; round < PLACES + 1; round += 1) {
          cutWay.cutAt(stage, way);
          const error = await pool
            .transaction(stage === "rollback")
            .catch((thrown: unknown) => thrown);
          if (way !== "SESSION_ENDED" && stage !== "rollback" && round === 0)
            expect(faultOf(error)?.course).toBe("LOST");
        }
        cutWay.cutAt("none of it is sent", way);
        // What broke while it lay idle is noticed in its own time.
        const serve = () => Promise.all([1, 2, 3].map((n) => pool.serve(n)));
        await vi.waitFor(async () => expect(await serve()).toEqual([1, 2, 3]), 20_000);
      } finally {
        await pool.close();
      }
    },
  );
});

const pidOf = async (client: pg.ClientBase) =>
  (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]?.pid;

describe("a connection of unknown state is not used again", () => {
  test("when it is given back in a transaction", async () => {
    const pool = openEnginePool(database.url, 1);
    const pids: unknown[] = [];
    for (const text of ["begin", "begin; select 1/0"]) {
      const client = await pool.connect();
      pids.push(await pidOf(client));
      await client.query(text).catch(() => undefined);
      client.release();
    }
    const after = await pool.connect();
    pids.push(await pidOf(after));
    expect(after.getTransactionStatus()).toBe("I");
    after.release();
    expect(new Set(pids).size).toBe(3);
    await pool.end();
  });

  test("when it cannot unlock what its session has locked", async () => {
    const pools = openServerPools({ max: 1 });
    const address = readConnectionUrl(database.url);
    const locked = (work: string) =>
      pools.use(address, (client) =>
        withSessionLock(client, "a name", async () => {
          const pid = await pidOf(client);
          await client.query(work).catch(() => undefined);
          return pid;
        }),
      );
    const first = await locked("begin; select 1/0");
    expect(await locked("select 1")).not.toBe(first);
    await pools.close();
  });
});

test("a connection to a server that stands still is let go all the same", async () => {
  await using cutWay = await openCutWay(database.url);
  await withConnection(platformConfig(cutWay.url), async (client) => {
    await client.query("select 1");
    cutWay.standStill();
  });
});

test("one kysely is installed: another one would bring its own pool's faults back", () => {
  const all = Object.keys(lock.packages).filter((path) => path.endsWith("node_modules/kysely"));
  expect(all).toEqual(["node_modules/kysely"]);
});
