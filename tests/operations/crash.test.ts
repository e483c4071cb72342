import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import type { Operation } from "../../src/operations/engine/operation.entity.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { cancelOperation } from "../../src/operations/retry-and-cancel.ts";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { freshSlug } from "../kit/database.ts";
import { openPlatform, type TestPlatform } from "../kit/platform.ts";
import { ACTS, type ActName, arrange, begin, SCENARIOS } from "../kit/scenarios.ts";
import { followToEnd, OPERATOR } from "../kit/tenants.ts";

let world: TestPlatform;

beforeAll(async () => {
  world = await openPlatform();
});
afterAll(async () => await world[Symbol.asyncDispose]());

/** An operation of a test: what it does, and the phase that its worker is to stand still in. */
interface Planned {
  readonly act: ActName;
  readonly slug: string;
  readonly phase: string;
}

const provisionings = (phases: readonly string[]): Planned[] =>
  phases.map((phase) => ({ act: "provisionTenant", slug: freshSlug("crash"), phase }));

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
    planned.map(({ act, slug }) => begin(world.platform, act, slug)),
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

test("another worker finishes what a killed one had begun, whatever the phase", {
  timeout: 60_000,
}, async () => {
  const { children, started } = await standStill(
    provisionings(["SECRET_SET", "DATABASE_CREATED", "MIGRATIONS_APPLIED", "ADMIN_SEEDED"]),
  );
  await kill(children);
  const worker = await world.startWorker();
  for (const operation of started) await expectEndedOnce(operation);
  await worker.stop();
});

test("another worker finishes what killed ones had begun, whatever the operation, and undoes what was cancelled", {
  timeout: 60_000,
}, async () => {
  const { platform } = world;
  const acts = ACTS.filter((act) => act !== "provisionTenant");
  const servers = ["default", "second", "third"];
  await moreServers(servers.slice(1));
  const planned = acts.map((act) => ({
    ...{ act, slug: freshSlug("crash") },
    phase: SCENARIOS[act].diesIn,
  }));
  const before = await world.startWorker();
  await Promise.all(
    planned.map(({ act, slug }, index) =>
      arrange(platform, act, slug, servers[index % servers.length]),
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

test("a worker that was frozen past its time and wakes up again does no harm", {
  timeout: 60_000,
}, async () => {
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
