import { expect, test } from "vitest";
import type { Actor } from "../../src/iam/actor.ts";
import type { Operation } from "../../src/operations/engine/operation.entity.ts";
import { MOST_DRY_RUNS } from "../../src/operations/engine/start-operation.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision, provisionRequest } from "../kit/tenants.ts";

const NEVER_MS = 86_400_000;

test("a worker hears of an operation as it is started, and runs it without looking for it", async () => {
  await using world = await openPlatform();
  const worker = await startPlatformWorker(world.platform, { pollEveryMs: NEVER_MS });
  try {
    for (const _ of ["first", "second"]) {
      const { operation } = await provision(world.platform, { seeds: [] });
      expect(operation.state).toBe("SUCCEEDED");
    }
  } finally {
    await worker.stop(2_000);
  }
});

test("dry runs wait apart, bounded for each caller, and what keeps somebody out goes first", async () => {
  await using world = await openPlatform();
  const { platform } = world;
  const worker = await world.startWorker();
  const { operation: made } = await provision(platform, { seeds: [] });
  await worker.stop(2_000);
  const start = async (dryRun: boolean, actor: Actor = OPERATOR) => {
    const request = provisionRequest({ seeds: [] });
    const options = { dryRun, idempotencyKey: null };
    return (
      await startOnTenant(platform, actor, platform.operations.provisionTenant, request, options)
    ).operation;
  };
  const dry: Operation[] = [];
  for (let at = 0; at < MOST_DRY_RUNS; at += 1) dry.push(await start(true));
  await expect(start(true)).rejects.toMatchObject({ code: "E_RATE_LIMITED" });
  dry.push(await start(true, { ...OPERATOR, id: "bo@tests" }));
  const real: Operation[] = [];
  for (let at = 0; at < 6; at += 1) real.push(await start(false));
  const suspending = await startOnTenant(
    platform,
    OPERATOR,
    platform.operations.suspendTenant,
    { slug: made.subjectName },
    { dryRun: false, idempotencyKey: null },
  );

  await world.startWorker();
  const all = [suspending.operation, ...real, ...dry];
  const ended = await Promise.all(all.map(({ id }) => followToEnd(platform, id)));
  expect(new Set(ended.map(({ operation }) => operation.state))).toEqual(new Set(["SUCCEEDED"]));
  const [first, ...others] = ended.map(({ operation }) => operation.startedAt?.getTime() ?? 0);
  const reals = others.slice(0, real.length);
  // The other places of the first four are taken at the same time.
  expect(reals.filter((at) => at < (first ?? 0)).length).toBeLessThanOrEqual(3);
  expect(Math.max(...reals)).toBeLessThan(Math.max(...others));
  expect(await start(true)).toMatchObject({ state: "PENDING" });
});
