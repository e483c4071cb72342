import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeAll, expect, test, vi } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import {
  type Operation,
  OperationEntity,
  OperationPhaseEntity,
} from "../../src/operations/engine/operation.entity.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { cancelOperation } from "../../src/operations/retry-and-cancel.ts";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import type { Isolation } from "../../src/tenants/names.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug, untilBlocked, urlOf } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { type ActName, arrange, begin, CASES, SCENARIOS } from "../kit/scenarios.ts";
import { followToEnd, OPERATOR } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";

/** A server runs four operations at a time, and all cases and a provisioning are to stand at once. */
const servers = [
  "default",
  ...Array.from({ length: Math.floor(CASES.length / 4) }, (_none, index) => `server-${index + 2}`),
];

const world = perFile(openPlatform);
beforeAll(() => moreServers(servers.slice(1)));

/** An operation of a test: what it does, and the phase that its worker is to stand still in. */
interface Planned {
  readonly act: ActName;
  readonly slug: string;
  readonly phase: string;
  readonly isolation: Isolation;
}

const provisionings = (phases: readonly string[], isolation: Isolation = "SCHEMA"): Planned[] =>
  phases.map((phase) => ({
    act: "provisionTenant",
    isolation,
    phase,
    slug: freshSlug("crash"),
  }));

/** Starts workers that will stand still, starts the operations, and waits until all of them stand. */
async function standStill(
  planned: readonly Planned[],
  workers = 1,
): Promise<{ children: ChildProcess[]; started: Operation[] }> {
  const script = join(import.meta.dirname, "../kit/doomed-worker.ts");
  const plan = JSON.stringify(Object.fromEntries(planned.map(({ slug, phase }) => [slug, phase])));
  const children = Array.from({ length: workers }, () =>
    fork(script, [JSON.stringify(world.environment), plan], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    }),
  );
  const standing = new Set<string>();
  const allStand = new Promise<void>((resolve, reject) => {
    for (const child of children) {
      child.on("message", (message: { standing?: string }) => {
        if (message.standing) standing.add(message.standing);
        if (standing.size === planned.length) resolve();
      });
      child.once("exit", () =>
        reject(new Error(`a worker ended by itself; they stood in ${[...standing]}`)),
      );
    }
  });
  const started = await Promise.all(
    planned.map(({ act, slug, isolation }) => begin(world.platform, act, slug, isolation)),
  );
  await allStand;
  return { children, started };
}

async function kill(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}

/** Expects that an operation succeeded, with a gapless journal, and that its end was recorded once. */
async function expectEndedOnce({ id, kind }: Operation): Promise<void> {
  const { operation, events } = await followToEnd(world.platform, id);
  expect(operation).toMatchObject({ kind, state: "SUCCEEDED", error: null });
  if (kind === "MIGRATE")
    expect(operation.result).toMatchObject({ applied: expect.arrayContaining(["0003_samples"]) });
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 1));
  const end = kind === "PROVISION" ? "TENANT_PROVISIONED" : "TENANT_OPERATION_ENDED";
  const facts = await world.platform.orm.em
    .fork()
    .execute<{ n: number }[]>(
      "select count(*)::int as n from platform.audit_event where operation_id = ? and type = ?",
      [id, end],
    );
  expect(facts).toEqual([{ n: 1 }]);
}

/** Registers the test's server under more names: each has its own share of the running operations. */
async function moreServers(names: readonly string[]): Promise<void> {
  const em = world.platform.orm.em.fork();
  const { id: _, ...server } = await em.findOneOrFail(DbServerEntity, { name: "default" });
  await em.insertMany(
    DbServerEntity,
    names.map((name) => ({ ...server, id: newId(), name })),
  );
}

test("another worker finishes what a killed one had begun, whatever the phase", async () => {
  const { children, started } = await standStill([
    ...provisionings(["SECRET_SET", "DATABASE_CREATED", "MIGRATIONS_APPLIED", "ADMIN_SEEDED"]),
    ...provisionings(["DATABASE_CREATED", "MIGRATIONS_APPLIED", "ADMIN_SEEDED"], "DATABASE"),
  ]);
  await kill(children);
  const worker = await world.startWorker();
  for (const operation of started) await expectEndedOnce(operation);
  await worker.stop();
});

test("another worker finishes what killed ones had begun, whatever the operation, and undoes what was cancelled", async () => {
  const { platform } = world;
  const cases = CASES.filter(({ act }) => act !== "provisionTenant");
  const planned = cases.map(({ act, isolation }) => ({
    act,
    isolation,
    slug: freshSlug("crash"),
    phase: SCENARIOS[act].diesIn,
  }));
  const before = await world.startWorker();
  await Promise.all(
    planned.map(({ act, slug, isolation }, index) =>
      arrange(platform, act, slug, {
        isolation,
        dbServer: servers[index % servers.length] ?? null,
      }),
    ),
  );
  await before.stop();

  const unwanted = provisionings(["MIGRATIONS_APPLIED"]);
  const { children, started } = await standStill([...planned, ...unwanted], 3);
  await kill(children);
  const cancelled = started.pop();
  await cancelOperation(platform, OPERATOR, cancelled?.id ?? "");
  const worker = await world.startWorker();
  for (const operation of started) await expectEndedOnce(operation);
  for (const [index, { act }] of planned.entries()) {
    const id = started[index]?.subjectId ?? "";
    const tenant = await platform.orm.em.fork().findOneOrFail(TenantEntity, { id });
    expect({ act, status: tenant.status }).toEqual({ act, status: SCENARIOS[act].to });
  }
  const { operation } = await followToEnd(platform, cancelled?.id ?? "");
  expect(operation).toMatchObject({ state: "CANCELLED", error: { code: "E_CANCELLED" } });
  const [health] = await tenantHealth(platform, { slug: operation.subjectName });
  expect(health).toMatchObject({ tenant: { status: "FAILED" }, findings: [] });
  await worker.stop();
});

test("a worker killed between creating a tenant's database and marking it leaves nothing behind that is not known", async () => {
  const { platform } = world;
  const { tenantDatabase } = await platform.orm.em
    .fork()
    .findOneOrFail(DbServerEntity, { name: "default" });
  const shared = urlOf(platform.databaseUrl, tenantDatabase);
  const [wanted, unwanted] = [1, 2].map(() => freshSlug("crash")) as [string, string];
  const script = join(import.meta.dirname, "../kit/doomed-worker.ts");
  const child = fork(script, [JSON.stringify(world.environment), "{}"]);
  await once(child, "message");
  const started = await asSuperuser(shared, async (holder) => {
    // Marking waits for this lock; creating the database does not.
    await holder.query(
      "begin; select pg_advisory_xact_lock(hashtextextended('tenantry:shared-catalogs', 0))",
    );
    const operations = await Promise.all(
      [wanted, unwanted].map((slug) => begin(platform, "provisionTenant", slug, "DATABASE")),
    );
    const ids = operations.map(({ subjectId }) => subjectId?.replaceAll("-", ""));
    await vi.waitFor(
      async () => {
        const { rows } = await holder.query(
          "select datname from pg_database where datname = any($1) and not datallowconn",
          [ids.map((id) => `tenantry_new_${id}`)],
        );
        expect(rows).toHaveLength(2);
      },
      { timeout: 60_000, interval: 50 },
    );
    await kill([child]);
    return operations;
  });
  await cancelOperation(platform, OPERATOR, started[1]?.id ?? "");
  const worker = await world.startWorker();
  await expectEndedOnce(started[0] as Operation);
  await followToEnd(platform, started[1]?.id ?? "");
  const { databases } = await worldOf(platform, "crash");
  expect(databases).toContain(`tenant_${wanted.replaceAll("-", "_")}`);
  expect(databases.filter((name) => name.startsWith("tenantry_new_"))).toEqual([]);
  expect(await worldOf(platform, unwanted)).toMatchObject({ databases: [], roles: [] });
  for (const slug of [wanted, unwanted])
    expect(await tenantHealth(platform, { slug })).toMatchObject([{ findings: [] }]);
  await worker.stop();
});

test("a migration says what was applied by a worker that was killed between two files, and whichever took over", async () => {
  const { platform } = world;
  const slug = freshSlug("crash");
  const before = await world.startWorker();
  await arrange(platform, "migrateTenant", slug);
  await before.stop();
  const { id, schemaName, databaseName } = await platform.orm.em
    .fork()
    .findOneOrFail(TenantEntity, { slug });
  const url = urlOf(platform.databaseUrl, databaseName ?? "");
  const script = join(import.meta.dirname, "../kit/doomed-worker.ts");
  const child = fork(script, [JSON.stringify(world.environment), "{}"]);
  await once(child, "message");
  const started = await asSuperuser(url, async (holder) => {
    const ledger = `${schemaName}.tenantry_migration`;
    await holder.query(
      `drop table ${schemaName}.unit; delete from ${ledger} where id = '0002_units'`,
    );
    await holder.query(`begin; lock table ${ledger} in share mode`);
    const operation = await begin(platform, "migrateTenant", slug);
    await untilBlocked(url);
    await kill([child]);
    return operation;
  });
  // PostgreSQL ends the first file by itself, and nobody hears of it.
  const worker = await world.startWorker();
  await expectEndedOnce(started);
  await worker.stop();
  const em = platform.orm.em.fork();
  const { result } = await em.findOneOrFail(OperationEntity, { id: started.id });
  const applied = ["0002_units", "0003_samples"];
  expect(result).toMatchObject({ applied, version: "0003_samples", migrations: 3 });
  const name = "MIGRATIONS_APPLIED";
  const phase = await em.findOneOrFail(OperationPhaseEntity, { operationId: started.id, name });
  expect(phase).toMatchObject({ completed: 2, total: 2, attempt: 2 });
  const tenant = await em.findOneOrFail(TenantEntity, { id });
  expect(tenant).toMatchObject({ schemaVersion: "0003_samples", migrationsApplied: 3 });
});

test("a worker that was frozen past its time and wakes up again does no harm", async () => {
  const { children, started } = await standStill(
    provisionings(["SECRET_SET", "SEEDS_APPLIED", "MASTER_REGISTERED"]),
  );
  const [child] = children;
  if (!child) throw new Error("no worker");
  child.kill("SIGSTOP");
  await world.startWorker();
  // The frozen worker's open transaction holds its operation's row; PostgreSQL ends that one in time.
  for (const operation of started) await expectEndedOnce(operation);
  const ended = once(child, "exit");
  child.kill("SIGCONT");
  child.send("go on");
  child.kill("SIGTERM");
  await ended;
  for (const operation of started) await expectEndedOnce(operation);
});
