import dns from "node:dns";
import { expect, test, vi } from "vitest";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatformOnServer } from "../kit/platform-on-server.ts";
import { followToEnd, OPERATOR, provision, provisionRequest } from "../kit/tenants.ts";

/** What happens as a phase has done its deed, once. */
let atPhase: ((phase: string) => Promise<void>) | undefined;

const world = perFile(() =>
  openPlatformOnServer({ afterEffect: async (phase) => await atPhase?.(phase) }, "localhost"),
);

const once = (phase: string, work: () => Promise<void>) => {
  atPhase = async (at) => {
    if (at !== phase) return;
    atPhase = undefined;
    await work();
  };
};

test("an operation waits while the platform takes no writes, and goes on by itself", async () => {
  const readOnly = (on: boolean) =>
    world.asAdmin(async (client) => {
      await client.query(`alter system set default_transaction_read_only = ${on ? "on" : "off"}`);
      await client.query("select pg_reload_conf()");
    });
  const rollbacks = async () => {
    const { rows } = await world.asAdmin((client) =>
      client.query<{ n: number }>("select sum(xact_rollback)::int as n from pg_stat_database"),
    );
    return rows[0]?.n ?? 0;
  };
  once("DATABASE_CREATED", async () => {
    const before = await rollbacks();
    await readOnly(true);
    void vi
      .waitUntil(async () => (await rollbacks()) > before + 8, { timeout: 30_000, interval: 50 })
      .finally(() => readOnly(false));
  });
  const { operation } = await provision(world.platform);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
});

test("an operation waits while the platform's name is not known, and goes on by itself", async () => {
  const { lookup } = dns;
  let unknown = 0;
  once("DATABASE_CREATED", async () => {
    const failing = (host: string, options: object, answer: (error: Error) => void) => {
      unknown += 1;
      if (unknown === 40) dns.lookup = lookup;
      const fault = new Error(`getaddrinfo ENOTFOUND ${host}`);
      process.nextTick(answer, Object.assign(fault, { code: "ENOTFOUND", options }));
    };
    dns.lookup = failing as unknown as typeof lookup;
    await world.asAdmin((client) =>
      client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname like 'platform%'",
      ),
    );
  });
  const request = provisionRequest();
  const options = { dryRun: false, idempotencyKey: null };
  const started = await startOnTenant(
    world.platform,
    OPERATOR,
    world.platform.operations.provisionTenant,
    request,
    options,
  );
  const { id } = started.operation;
  // Whoever follows meets the outage too, and waits for its end.
  const { operation } = await vi
    .waitUntil(() => followToEnd(world.platform, id).catch(() => null), 60_000)
    .finally(() => {
      dns.lookup = lookup;
    });
  expect(unknown).toBeGreaterThan(10);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
});
