import { beforeAll, describe, expect, test, vi } from "vitest";
import { OperationEntity } from "../../src/operations/engine/operation.entity.ts";
import { retryOperation } from "../../src/operations/retry-and-cancel.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { setDbServerStatus } from "../../src/placement/db-servers.ts";
import { findTenant } from "../../src/tenants/registry.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { registerServer, startServer, type TestServer } from "../kit/servers.ts";
import { followToEnd, OPERATOR, provision, provisionRequest } from "../kit/tenants.ts";
import type { Around } from "../kit/wrap.ts";

/** What happens when a phase of a tenant has done its deed, before that is recorded. */
const deeds = new Map<string, () => Promise<void>>();

const well = perFile(startServer);
const ill = perFile(startServer);
const world = perFile(openPlatform);
beforeAll(async () => {
  await registerServer(world.platform, well, { name: "well" });
  await registerServer(world.platform, ill, { name: "ill" });
  const afterEffect: Around["afterEffect"] = async (phase, { subjectName }) => {
    const deed = deeds.get(`${subjectName} ${phase}`);
    deeds.delete(`${subjectName} ${phase}`);
    await deed?.();
  };
  const retry = { maxAttempts: 3, maxUndoAttempts: 3, firstPauseSeconds: 0.05, backoffRate: 1 };
  await world.startWorker({ afterEffect }, { retry });
});

/** Everything of a tenant that is on a server, in the secret store and in the registry. */
async function remainsOf(slug: string, server: TestServer) {
  const { platform } = world;
  const tenant = await findTenant(platform.orm.em.fork(), { slug });
  const like = `%${slug.replaceAll("-", "_")}%`;
  const roles = await asSuperuser(server.url, (client) =>
    client.query("select rolname from pg_roles where rolname like $1", [like]),
  );
  const tenants = new URL(server.url);
  tenants.pathname = `${new URL(platform.databaseUrl).pathname}_tenants`;
  const schemas = await asSuperuser(tenants.href, (client) =>
    client.query("select nspname from pg_namespace where nspname like $1", [like]),
  );
  return {
    status: tenant?.status,
    placed: tenant?.dbServerId !== null,
    secret: (await platform.secrets.get(`tenant-db-${slug}`)) !== null,
    roles: roles.rowCount,
    schemas: schemas.rowCount,
  };
}

const NOTHING = { placed: false, secret: false, roles: 0, schemas: 0 };
const EVERYTHING = { placed: true, secret: true, roles: 2, schemas: 1, status: "ACTIVE" };

async function retry(id: string) {
  const again = await retryOperation(world.platform, OPERATOR, id);
  return (await followToEnd(world.platform, again.id)).operation;
}

describe("a db server that is down", () => {
  test("delays its own tenants alone, fails them with its code, and takes them when it is back", async () => {
    const { platform } = world;
    await ill.stop();
    const slugs = Array.from({ length: 6 }, () => freshSlug("ill"));
    const doomed = slugs.map((slug) => provision(platform, { slug, dbServer: "ill" }));
    const fine = await provision(platform, { dbServer: "well" });
    expect(fine.operation.state).toBe("SUCCEEDED");
    const ended = await Promise.all(doomed);
    for (const { operation, events } of ended) {
      expect(operation).toMatchObject({
        state: "FAILED",
        error: { code: "E_ADMIN_CONN_UNRESOLVED", phase: "STATE_CHECKED", retryable: true },
      });
      const told = JSON.stringify(events.map(({ body }) => body));
      expect(told).toContain("Db server 'ill' cannot be entered: nobody answers at its address");
      expect(told).toMatch(/"attempt":3/);
    }
    await ill.restart();
    const [slug = ""] = slugs;
    expect(await remainsOf(slug, ill)).toEqual({ ...NOTHING, status: "FAILED" });
    expect((await retry(ended[0]?.operation.id ?? "")).state).toBe("SUCCEEDED");
    expect(await remainsOf(slug, ill)).toEqual(EVERYTHING);
  });

  test("and answers nothing holds up nobody else, and goes on when it does", async () => {
    const { platform } = world;
    await using worse = await startServer();
    await registerServer(platform, worse, { name: "worse" });
    const frozen = ["ill", "worse"] as const;
    await Promise.all([ill.freeze(), worse.freeze()]);
    const waiting = frozen.flatMap((dbServer) =>
      Array.from({ length: 6 }, () => provision(platform, { dbServer })),
    );
    const running = { kind: "PROVISION", state: "RUNNING" } as const;
    await vi.waitUntil(
      async () => (await platform.orm.em.fork().count(OperationEntity, running)) === 8,
      { timeout: 20_000, interval: 100 },
    );
    const fine = await provision(platform, { dbServer: "well" });
    const unfinished = { kind: "PROVISION", finishedAt: null };
    const left = await platform.orm.em.fork().count(OperationEntity, unfinished);
    await Promise.all([ill.thaw(), worse.thaw()]);
    expect([fine.operation.state, left]).toEqual(["SUCCEEDED", 12]);
    const ended = await Promise.all(waiting);
    expect(ended.map(({ operation }) => operation.state)).toEqual(Array(12).fill("SUCCEEDED"));
    await setDbServerStatus(platform, OPERATOR, { name: "worse", status: "INACTIVE" });
  });

  test("in the middle of an operation leaves nothing behind once it was retried", async () => {
    const { platform } = world;
    const slug = freshSlug("mid");
    deeds.set(`${slug} DATABASE_CREATED`, () => ill.stop());
    const { operation } = await provision(platform, { slug, dbServer: "ill" });
    expect(operation).toMatchObject({ state: "FAILED", error: { phase: "MIGRATIONS_APPLIED" } });
    // What could not be undone is said, and stays the tenant's own.
    expect(operation.error?.message).toMatch(/could not be undone: DATABASE_CREATED/);
    await ill.restart();
    expect(await retry(operation.id)).toMatchObject({ state: "SUCCEEDED" });
    expect(await remainsOf(slug, ill)).toEqual(EVERYTHING);
  });

  test("for a moment is waited for", async () => {
    const { platform } = world;
    const slug = freshSlug("blip");
    deeds.set(`${slug} DATABASE_CREATED`, () => ill.restart());
    const { operation } = await provision(platform, { slug, dbServer: "ill" });
    expect(operation.state).toBe("SUCCEEDED");
  });

  test("with a wrong admin secret fails at once, with its code", async () => {
    const { platform } = world;
    const wrong = new URL(ill.url);
    wrong.password = "wrong";
    await platform.secrets.set("db-server-ill", wrong.href, { purpose: "db-server" });
    const request = provisionRequest({ dbServer: "ill" });
    const { operation: begun } = await startOnTenant(
      platform,
      OPERATOR,
      platform.operations.provisionTenant,
      request,
      {
        dryRun: true,
        idempotencyKey: null,
      },
    );
    const { operation, events } = await followToEnd(platform, begun.id);
    expect(operation.error).toMatchObject({
      code: "E_ADMIN_CONN_UNRESOLVED",
      message: expect.stringContaining("PostgreSQL refuses the login"),
    });
    expect(JSON.stringify(events)).not.toMatch(/"attempt":2/);
    await platform.secrets.set("db-server-ill", ill.url, { purpose: "db-server" });
  });
});
