import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { OperationEntity } from "../../src/operations/engine/operation.entity.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { freshSlug } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perTest } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { arrange, begin } from "../kit/scenarios.ts";
import { followToEnd } from "../kit/tenants.ts";

const world = perTest(openPlatform);
const em = () => world.platform.orm.em.fork();

/** A worker of its own process; disposing of it kills it. */
interface DoomedWorker extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Waits until it stands still in an operation once more. */
  stands(times: number): Promise<void>;
  /** Its sessions as a worker on the platform database. */
  sessions(): Promise<unknown[]>;
  /** Since its row was seen last, in ms of the database's clock. */
  sleptMs(): Promise<number>;
}

async function startDoomed(
  plan: Readonly<Record<string, string>>,
  options: object = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<DoomedWorker> {
  const words = [{ ...world.environment, ...environment }, plan, options];
  const child = fork(
    join(import.meta.dirname, "../kit/doomed-worker.ts"),
    words.map((word) => JSON.stringify(word)),
  );
  let stood = 0;
  const ready = Promise.withResolvers<void>();
  child.on("message", (told: { standing?: string; ready?: true }) => {
    if (told.standing) stood += 1;
    if (told.ready) ready.resolve();
  });
  child.once("exit", () => ready.reject(new Error("the worker ended by itself")));
  await ready.promise;
  return {
    child,
    stands: async (times) => {
      await vi.waitUntil(() => stood >= times, { timeout: 60_000 });
    },
    sessions: async () =>
      await em().execute(
        `select application_name from pg_stat_activity where datname = current_database()
           and application_name ~ ('(worker|engine) ' || ? || '@')`,
        [child.pid],
      ),
    sleptMs: async () => {
      const [row] = await em().execute<{ ms: number }[]>(
        "select extract(epoch from now() - seen_at)::float8 * 1000 as ms from platform.worker where pid = ?",
        [child.pid],
      );
      return row?.ms ?? 0;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const eventually = async (isSo: () => Promise<boolean>) =>
  await vi.waitUntil(isSo, { timeout: 60_000, interval: 100 });

const SHORT = { beatMs: 500, timeToLiveMs: 3_000 };
const PHASE = "MIGRATIONS_APPLIED";

test("a worker that slept goes on by itself where nobody took over, and does nothing twice", {
  timeout: 300_000,
}, async () => {
  const slug = freshSlug("slept");
  await using worker = await startDoomed({ [slug]: PHASE }, SHORT);
  const { id } = await begin(world.platform, "provisionTenant", slug);
  await worker.stands(1);
  worker.child.kill("SIGSTOP");
  await eventually(async () => (await worker.sleptMs()) > SHORT.timeToLiveMs + SHORT.beatMs);
  worker.child.kill("SIGCONT");
  // What it did before the sleep still stands still: it was given up, and the operation taken up again.
  await worker.stands(2);
  worker.child.send("go on");
  const { operation, events } = await followToEnd(world.platform, id);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 1));
  const ended = events.filter(({ body }) => body.type === "PHASE_STATE" && body.phase === PHASE);
  expect(ended.map(({ body }) => "state" in body && body.state)).toEqual([
    ...["RUNNING", "RUNNING", "SUCCEEDED"],
  ]);
  expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ findings: [] }]);
});

test("a worker that slept while another took over writes nothing when it wakes", {
  timeout: 300_000,
}, async () => {
  const slug = freshSlug("slept");
  await using worker = await startDoomed({ [slug]: PHASE }, SHORT);
  const { id } = await begin(world.platform, "provisionTenant", slug);
  await worker.stands(1);
  expect(await worker.sessions()).not.toEqual([]);
  worker.child.kill("SIGSTOP");
  await world.startWorker();
  const before = await followToEnd(world.platform, id);
  expect(before.operation).toMatchObject({ state: "SUCCEEDED", error: null });
  // What its transactions have locked waits for no bound of theirs.
  expect(await worker.sessions()).toEqual([]);
  worker.child.kill("SIGCONT");
  worker.child.send("go on");
  await eventually(async () => (await worker.sleptMs()) < SHORT.timeToLiveMs);
  expect(await followToEnd(world.platform, id)).toEqual(before);
  expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ findings: [] }]);
});

test("an operation that a version without tokens began is taken over", {
  timeout: 300_000,
}, async () => {
  const slug = freshSlug("former");
  const worker = await startDoomed({ [slug]: PHASE }, SHORT);
  const { id } = await begin(world.platform, "provisionTenant", slug);
  await worker.stands(1);
  await worker[Symbol.asyncDispose]();
  await em().execute("update platform.operation set fence_token = null where id = ?", [id]);
  await em().execute(
    `update dbos.transaction_completion set output = (output::jsonb #- '{json,ok,token}')::text
     where workflow_id = ? and function_num = 0`,
    [id],
  );
  await world.startWorker();
  const { operation } = await followToEnd(world.platform, id);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ findings: [] }]);
});

test("a worker whose event loop hangs is taken over, though its process lives", {
  timeout: 300_000,
}, async () => {
  const slug = freshSlug("hung");
  await using worker = await startDoomed({ [slug]: PHASE }, { ...SHORT, hungMs: 3_000 });
  const { id } = await begin(world.platform, "provisionTenant", slug);
  await worker.stands(1);
  worker.child.send(120_000);
  await world.startWorker();
  const { operation } = await followToEnd(world.platform, id);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  expect(worker.child.exitCode).toBeNull();
});

test("a worker leaves an operation alone that it does not know, and the doctor names it", {
  timeout: 300_000,
}, async () => {
  const { platform } = world;
  const slug = freshSlug("known");
  const before = await world.startWorker();
  await arrange(platform, "suspendTenant", slug);
  await before.stop();
  await using older = await startDoomed({}, { without: ["SUSPEND"] });
  const { id } = await begin(platform, "suspendTenant", slug);
  const { lastSequence } = await em().findOneOrFail(OperationEntity, { id });
  const engine = async () => {
    const [row] = await em().execute<{ priority: number; status: string }[]>(
      "select priority, status from dbos.workflow_status where workflow_uuid = ?",
      [id],
    );
    return row;
  };
  // It was claimed and given back.
  await eventually(async () => (await engine())?.priority === 2);
  expect(await em().findOneOrFail(OperationEntity, { id })).toMatchObject({
    state: "PENDING",
    lastSequence,
  });
  const [health] = await tenantHealth(platform, { slug });
  expect(health?.findings).toMatchObject([{ code: "OPERATION_UNKNOWN", repair: null }]);
  await world.startWorker();
  const { operation } = await followToEnd(platform, id);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  expect(older.child.exitCode).toBeNull();
});

test("a worker with another migration folder leaves operations to one with the folder they were begun with", {
  timeout: 300_000,
}, async () => {
  await using other = await openFolder(SMALL.TENANT_MIGRATIONS_DIR);
  await appendFile(join(other.path, "0002_units.sql"), "-- edited\n");
  const slugs = [1, 2].map(() => freshSlug("folder"));
  const plan = Object.fromEntries(slugs.map((slug) => [slug, PHASE]));
  const first = await startDoomed(plan);
  const started = await Promise.all(
    slugs.map((slug) => begin(world.platform, "provisionTenant", slug)),
  );
  await first.stands(slugs.length);
  await using edited = await startDoomed({}, {}, { TENANT_MIGRATIONS_DIR: other.path });
  await using same = await startDoomed({});
  await first[Symbol.asyncDispose]();
  for (const { id } of started) {
    const { operation } = await followToEnd(world.platform, id);
    expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  }
  // Nobody is alive then that has the folder it is begun with: the other one goes by its own.
  await same[Symbol.asyncDispose]();
  const slug = freshSlug("folder");
  const { id } = await begin(world.platform, "provisionTenant", slug);
  expect((await followToEnd(world.platform, id)).operation).toMatchObject({ state: "SUCCEEDED" });
  expect(edited.child.exitCode).toBeNull();
});
