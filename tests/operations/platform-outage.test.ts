import dns from "node:dns";
import pg from "pg";
import { expect, test, vi } from "vitest";
import { startProvisioning } from "../../src/operations/provision-tenant.ts";
import { freshName } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, type TestPlatform } from "../kit/platform.ts";
import { startServer } from "../kit/servers.ts";
import { followToEnd, OPERATOR, provision, provisionRequest } from "../kit/tenants.ts";

/** What happens as a phase has done its deed, once. */
let atPhase: ((phase: string) => Promise<void>) | undefined;

/** A platform on a server of its own, which is reached by a name. */
const world = perFile(async (): Promise<TestPlatform & { readonly serverUrl: string }> => {
  const server = await startServer();
  const url = new URL(server.url);
  url.hostname = "localhost";
  const database = freshName("platform_");
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`create database ${database}`);
  await client.end();
  url.pathname = `/${database}`;
  const opened = await openPlatform({
    environment: { DATABASE_URL: url.href },
    worker: { afterDeed: async (phase) => await atPhase?.(phase) },
  });
  return {
    ...opened,
    serverUrl: server.url,
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});

/** Runs `work` as the server's superuser, whatever the platform's connections have come to. */
async function asAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: world.serverUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const once = (phase: string, work: () => Promise<void>) => {
  atPhase = async (at) => {
    if (at !== phase) return;
    atPhase = undefined;
    await work();
  };
};

test("an operation waits while the platform takes no writes, and goes on by itself", async () => {
  const readOnly = (on: boolean) =>
    asAdmin(async (client) => {
      await client.query(`alter system set default_transaction_read_only = ${on ? "on" : "off"}`);
      await client.query("select pg_reload_conf()");
    });
  const rollbacks = async () => {
    const { rows } = await asAdmin((client) =>
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
}, 60_000);

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
    await asAdmin((client) =>
      client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname like 'platform%'",
      ),
    );
  });
  const request = provisionRequest();
  const options = { dryRun: false, idempotencyKey: null };
  const started = await startProvisioning(world.platform, OPERATOR, request, options);
  const { id } = started.operation;
  const { operation } = await followToEnd(world.platform, id)
    // Whoever follows meets the outage too, and asks again.
    .catch(() => vi.waitUntil(() => followToEnd(world.platform, id).catch(() => null), 60_000))
    .finally(() => {
      dns.lookup = lookup;
    });
  expect(unknown).toBeGreaterThan(10);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
}, 90_000);
