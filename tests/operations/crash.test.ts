import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Operation } from "../../src/operations/engine/operation.entity.ts";
import { startProvisioning } from "../../src/operations/provision-tenant.ts";
import { openPlatform, type TestPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provisionRequest } from "../kit/tenants.ts";

let world: TestPlatform;

beforeAll(async () => {
  world = await openPlatform();
});
afterAll(async () => await world[Symbol.asyncDispose]());

/** Starts a worker that will stand still, and waits until it does so in every one of the phases. */
async function standStillIn(
  phases: readonly string[],
): Promise<{ child: ChildProcess; started: Operation[] }> {
  const script = join(import.meta.dirname, "../kit/doomed-worker.ts");
  const child = fork(script, [JSON.stringify(world.environment)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const standing = new Set<string>();
  const allStand = new Promise<void>((resolve, reject) => {
    child.on("message", (message: { standing?: string }) => {
      if (message.standing) standing.add(message.standing);
      if (standing.size === phases.length) resolve();
    });
    child.once("exit", () =>
      reject(new Error(`the worker ended by itself; it stood in ${[...standing]}`)),
    );
  });
  const options = { dryRun: false, idempotencyKey: null };
  const started = await Promise.all(
    phases.map(
      async (name) =>
        (await startProvisioning(world.platform, OPERATOR, provisionRequest({ name }), options))
          .operation,
    ),
  );
  await allStand;
  return { child, started };
}

async function expectProvisionedOnce(operationId: string): Promise<void> {
  const { operation, events } = await followToEnd(world.platform, operationId);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 1));
  const facts = await world.platform.orm.em
    .fork()
    .execute<{ n: number }[]>(
      "select count(*)::int as n from platform.audit_event where operation_id = ? and type = 'TENANT_PROVISIONED'",
      [operationId],
    );
  expect(facts).toEqual([{ n: 1 }]);
}

test("another worker finishes what a killed one had begun, whatever the phase", {
  timeout: 60_000,
}, async () => {
  const { child, started } = await standStillIn([
    "SECRET_SET",
    "DATABASE_CREATED",
    "MIGRATIONS_APPLIED",
    "ADMIN_SEEDED",
  ]);
  child.kill("SIGKILL");
  await once(child, "exit");
  const worker = await world.startWorker();
  for (const operation of started) await expectProvisionedOnce(operation.id);
  await worker.stop();
});

test("a worker that was frozen past its time and wakes up again does no harm", {
  timeout: 60_000,
}, async () => {
  const { child, started } = await standStillIn([
    "SECRET_SET",
    "SEEDS_APPLIED",
    "MASTER_REGISTERED",
  ]);
  child.kill("SIGSTOP");
  await world.startWorker();
  // The frozen worker's open transaction holds its operation's row; PostgreSQL ends that one in time.
  for (const operation of started) await expectProvisionedOnce(operation.id);
  const ended = once(child, "exit");
  child.kill("SIGCONT");
  child.send("go on");
  child.kill("SIGTERM");
  await ended;
  for (const operation of started) await expectProvisionedOnce(operation.id);
});
