import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Operation } from "../../src/operations/engine/operation.entity.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { connectOnce, storm } from "../kit/storm.ts";
import { followToEnd } from "../kit/tenants.ts";
import { Life } from "./_life.ts";

const PHASES = ["NEW_LOGIN_OPENED", "SECRET_STORED", "ROTATED"];
let slugs: string[];

const world = perFile(openPlatform);
const life = new Life(world);
beforeAll(async () => {
  const worker = await world.startWorker();
  slugs = await Promise.all(PHASES.map(() => life.provisioned()));
  await worker.stop();
});

const nameOf = (slug: string) => `tenant-db-${slug}`;

/** Starts a rotation of each tenant in a worker that stands still in another phase of each. */
async function standStill(): Promise<{ child: ChildProcess; started: Operation[] }> {
  const plan = Object.fromEntries(slugs.map((slug, index) => [slug, PHASES[index]]));
  const child = fork(
    join(import.meta.dirname, "../kit/doomed-worker.ts"),
    [JSON.stringify(world.environment), JSON.stringify(plan)],
    { stdio: ["ignore", "inherit", "inherit", "ipc"] },
  );
  const standing = new Set<string>();
  const allStand = new Promise<void>((resolve) => {
    child.on("message", (message: { standing?: string }) => {
      if (message.standing) standing.add(message.standing);
      if (standing.size === slugs.length) resolve();
    });
  });
  const input = { endGrace: true };
  const started = await Promise.all(
    slugs.map((slug) => life.start("rotateCredentials", { slug, ...input })),
  );
  await allStand;
  return { child, started };
}

/** Expects that each tenant has one login that its secret leads to, and that the registry names. */
async function expectWorking(): Promise<void> {
  for (const slug of slugs) {
    const role = await connectOnce(world.platform.secrets, nameOf(slug));
    expect(role).toBe((await life.tenant(slug)).appRole);
    const [health] = await tenantHealth(world.platform, { slug });
    expect(health?.findings).toEqual([]);
  }
}

test("a killed worker leaves a login that works, whatever the phase, and a frozen one that wakes up harms none", async () => {
  const storms = slugs.map((slug) => storm(world.platform.secrets, nameOf(slug), 1));
  const killed = await standStill();
  const ended = once(killed.child, "exit");
  killed.child.kill("SIGKILL");
  await ended;
  await Promise.all(storms.map((each) => each.reaches(each.attempts + 5)));
  const worker = await world.startWorker();
  for (const { id } of killed.started)
    expect((await followToEnd(world.platform, id)).operation.state).toBe("SUCCEEDED");
  await Promise.all(storms.map((each) => each.stop()));
  expect(storms.flatMap(({ refused }) => refused)).toEqual([]);
  await expectWorking();
  await worker.stop();

  const frozen = await standStill();
  frozen.child.kill("SIGSTOP");
  await world.startWorker();
  for (const { id } of frozen.started)
    expect((await followToEnd(world.platform, id)).operation.state).toBe("SUCCEEDED");
  for (const slug of slugs)
    expect((await life.run("rotateCredentials", { slug, endGrace: true })).state).toBe("SUCCEEDED");
  const gone = once(frozen.child, "exit");
  frozen.child.kill("SIGCONT");
  frozen.child.send("go on");
  frozen.child.kill("SIGTERM");
  await gone;
  await expectWorking();
});
