import { expect, test, vi } from "vitest";
import { openLiveness } from "../../src/api/transport/liveness.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";

const world = perFile(() => openPlatform());

const SOON = { withinMs: 200, everyMs: 0, stuckMs: 0 };

test("a process whose pool is stuck while the database answers is not alive, until the pool is free", async () => {
  const { platform } = world;
  const fault = openLiveness(platform, null, SOON);
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const holders = Array.from({ length: 10 }, () =>
    platform.orm.em.fork().transactional(async (em) => {
      await em.execute("select 1");
      await held;
    }),
  );
  expect(fault()).toBeNull();
  await vi.waitUntil(() => fault() === "the connections for writing are stuck", {
    timeout: 20_000,
  });
  release();
  await Promise.all(holders);
  await vi.waitUntil(() => fault() === null, { timeout: 20_000 });
});

test("a process whose database is away is alive: a restart would not help", async () => {
  const { platform } = world;
  const away = new URL(platform.databaseUrl);
  away.port = "1";
  const looked = vi.fn(() => Promise.reject(new Error("away")));
  const pool = { em: { fork: () => ({ execute: looked }) } } as unknown as typeof platform.orm;
  const ports = { orm: pool, reader: pool, workerOrm: pool, databaseUrl: away.href };
  const fault = openLiveness(ports, null, SOON);
  const found: boolean[] = [];
  await vi.waitUntil(() => found.push(fault() === null) > 0 && looked.mock.calls.length >= 9, {
    timeout: 20_000,
  });
  expect(found).not.toContain(false);
});
