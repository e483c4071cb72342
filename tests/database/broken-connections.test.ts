import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import lock from "../../package-lock.json" with { type: "json" };
import { faultOf } from "../../src/database/faults.ts";
import { openOrm } from "../../src/database/orm.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { createDatabase } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";

/** A way to a server that is cut when a client sends a word. */
interface CutWay extends AsyncDisposable {
  readonly url: string;
  cutAt(word: string): void;
}

async function openCutWay(to: string): Promise<CutWay> {
  const target = new URL(to);
  let word: string | null = null;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on("data", (bytes) => {
      if (word === null || !bytes.includes(word)) return void upstream.write(bytes);
      word = null;
      for (const socket of [client, upstream]) socket.destroy();
    });
    upstream.pipe(client);
    client.on("close", () => upstream.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = new URL(to);
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" ? address?.port : 0);
  return {
    url: url.href,
    cutAt: (at) => {
      word = at;
    },
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

describe("a connection that is lost", () => {
  const database = perFile(async () => {
    const made = await createDatabase("empty");
    return { ...made, [Symbol.asyncDispose]: () => made.drop() };
  });

  test.each(["begin", "select 'the statement'", "commit", "rollback"])(
    "at %s gives its place in the pool back, each time",
    async (word) => {
      await using way = await openCutWay(database.url);
      const orm = await openOrm({ url: way.url, entities: PLATFORM_ENTITIES, poolSize: 2 });
      try {
        const transaction = () =>
          orm.em.fork().transactional(async (em) => {
            await em.execute("select 'the statement'");
            if (word === "rollback") throw new Error("rolled back");
          });
        for (let round = 0; round < 3; round += 1) {
          way.cutAt(word);
          const error = await transaction().catch((thrown: unknown) => thrown);
          if (word !== "rollback") expect(faultOf(error)?.course).toBe("LOST");
        }
        const answers = [1, 2, 3].map((n) => orm.em.fork().execute(`select ${n} as n`));
        expect(await Promise.all(answers)).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]]);
      } finally {
        await orm.close(true);
      }
    },
  );
});

test("one kysely is installed: another one would bring its own pool's faults back", () => {
  const all = Object.keys(lock.packages).filter((path) => path.endsWith("node_modules/kysely"));
  expect(all).toEqual(["node_modules/kysely"]);
});
