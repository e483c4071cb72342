import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Worker } from "../../src/operations/engine/engine.ts";
import type { Operation } from "../../src/operations/engine/operation.entity.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { freshSlug } from "../kit/database.ts";
import type { HeldPlan } from "../kit/held-worker.ts";
import { type Held, startKeyVault } from "../kit/key-vault.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, type TestPlatform } from "../kit/platform.ts";
import { begin } from "../kit/scenarios.ts";
import { connectOnce } from "../kit/storm.ts";
import { followToEnd } from "../kit/tenants.ts";
import { Life } from "./_life.ts";

// A worker that is frozen directly before it stores or removes a secret, while another finishes what it was
// at and more. It wakes up, or never does; its call takes effect in any case.

const nameOf = (slug: string) => `tenant-db-${slug}`;

/** Starts the worker that will be frozen. */
async function startHeld(world: TestPlatform, plan: HeldPlan): Promise<ChildProcess> {
  const child = fork(
    join(import.meta.dirname, "../kit/held-worker.ts"),
    [JSON.stringify(world.environment), JSON.stringify(plan)],
    { stdio: ["ignore", "inherit", "inherit", "ipc"] },
  );
  await once(child, "message");
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** Waits until the tenant's secret is as the registry says, and leads to a login that works. */
async function expectRight(life: Life, slug: string): Promise<void> {
  const { secrets } = life.platform;
  await vi.waitFor(
    async () => {
      const { secretVersion, appRole } = await life.tenant(slug);
      const newest = await secrets.get(nameOf(slug));
      expect(newest).toMatchObject({ version: secretVersion, tags: { slug } });
      expect(await connectOnce(secrets, nameOf(slug))).toBe(appRole);
    },
    { timeout: 60_000, interval: 200 },
  );
  const [health] = await tenantHealth(life.platform, { slug });
  expect(health?.findings).toEqual([]);
}

/** What the audit trail tells of late secrets of a slug. */
async function toldOf(life: Life, slug: string): Promise<string[]> {
  const rows = await life.em.execute<{ type: string }[]>(
    `select type from platform.audit_event
     where tenant_slug = ? and type like 'TENANT_SECRET_%' order by sequence`,
    [slug],
  );
  return rows.map(({ type }) => type);
}

async function succeeded(life: Life, started: readonly Operation[]): Promise<void> {
  for (const { id } of started)
    expect((await followToEnd(life.platform, id)).operation).toMatchObject({
      state: "SUCCEEDED",
      error: null,
    });
}

const rotate = (life: Life, slug: string) =>
  life.run("rotateCredentials", { slug, endGrace: true });

describe.each(["wakes up", "dies"])("a call to Key Vault of a frozen worker that %s", (fate) => {
  const vault = perFile(startKeyVault);
  const world = perFile(() => openPlatform({ replace: { secrets: vault.open() } }));
  const life = new Life(world);
  let child: ChildProcess;
  let worker: Worker | undefined;
  afterEach(async () => {
    await end(child);
    await stopWorker();
    expect(vault.exposed).toEqual([]);
  });

  async function stopWorker(): Promise<void> {
    await worker?.stop();
    worker = undefined;
  }

  /** Freezes a worker at these calls, one of each operation, and lets another finish what it was at. */
  async function freezeAt(calls: readonly string[], start: () => Promise<Operation>[]) {
    child = await startHeld(world, { vault: vault.url });
    const held = calls.map((call) => vault.hold(call));
    const started = await Promise.all(start());
    await Promise.all(held.map(({ arrived }) => arrived));
    child.kill("SIGSTOP");
    worker = await world.startWorker();
    await succeeded(life, started);
    return held;
  }

  /** Lets the calls take effect. Who wakes up puts right what they did; for a dead one others do. */
  async function goOn(held: readonly Held[]): Promise<void> {
    if (fate === "wakes up") await stopWorker();
    for (const { release } of held) release();
    child.kill(fate === "wakes up" ? "SIGCONT" : "SIGKILL");
  }

  test("leaves what was stored since", { timeout: 300_000 }, async () => {
    const [made, same] = [1, 2].map(() => freshSlug("late")) as [string, string];
    const before = await world.startWorker();
    const rotated = await life.provisioned();
    await before.stop();
    const slugs = [made, same, rotated];
    const frozen = await freezeAt(
      slugs.map((slug) => `PUT /secrets/${nameOf(slug)}`),
      () => [
        begin(world.platform, "provisionTenant", made),
        begin(world.platform, "provisionTenant", same),
        life.start("rotateCredentials", { slug: rotated }),
      ],
    );
    for (const slug of [made, rotated]) expect((await rotate(life, slug)).state).toBe("SUCCEEDED");
    await goOn(frozen);
    for (const slug of slugs) await expectRight(life, slug);
    for (const slug of [made, rotated])
      expect(await toldOf(life, slug)).toEqual(["TENANT_SECRET_RESTORED"]);
    // All workers derive the same password of an operation: the version alone is another.
    expect(await toldOf(life, same)).toEqual([]);
  });

  test("removes nothing of the slug's next owner", { timeout: 300_000 }, async () => {
    const removals = ["PUT /secrets/", "DELETE /secrets/", "DELETE /deletedsecrets/"];
    const before = await world.startWorker();
    const slugs = await Promise.all(removals.map(() => life.provisioned()));
    await before.stop();
    const frozen = await freezeAt(
      slugs.map((slug, index) => `${removals[index]}${nameOf(slug)}`),
      () => slugs.map((slug) => begin(world.platform, "purgeTenant", slug)),
    );
    await Promise.all(slugs.map((slug) => life.provisioned({ slug })));
    const stored = await Promise.all(slugs.map((slug) => world.platform.secrets.get(nameOf(slug))));
    await goOn(frozen);
    for (const [index, slug] of slugs.entries()) {
      await expectRight(life, slug);
      const now = await world.platform.secrets.get(nameOf(slug));
      expect(now?.value).toBe(stored[index]?.value);
      const told = index < 2 ? ["TENANT_SECRET_RESTORED"] : [];
      expect(await toldOf(life, slug)).toEqual(told);
    }
  });
});

describe("a call to the local store of a frozen worker", () => {
  const world = perFile(openPlatform);
  const life = new Life(world);
  let child: ChildProcess;
  afterEach(() => end(child));

  /** Freezes a worker directly before these calls, lets another finish what it was at, and stops that one. */
  async function freezeAt(
    plan: Pick<HeldPlan, "dies"> & Required<Pick<HeldPlan, "calls">>,
    start: () => Promise<Operation>[],
  ) {
    child = await startHeld(world, plan);
    const standing = new Set<string>();
    const allStand = new Promise<void>((resolve) => {
      child.on("message", (message: { standing?: string }) => {
        if (message.standing) standing.add(message.standing);
        if (standing.size === Object.keys(plan.calls).length) resolve();
      });
    });
    const started = await Promise.all(start());
    await allStand;
    child.kill("SIGSTOP");
    const worker = await world.startWorker();
    await succeeded(life, started);
    return worker;
  }

  function goOn(): void {
    child.kill("SIGCONT");
    child.send("go on");
  }

  test.each([
    ["wakes up", false],
    ["dies directly behind it", true],
  ])("leaves what was stored since where it %s", { timeout: 300_000 }, async (_how, dies) => {
    const slug = freshSlug("late");
    const worker = await freezeAt({ calls: { [nameOf(slug)]: "set" }, dies }, () => [
      begin(world.platform, "provisionTenant", slug),
    ]);
    expect((await rotate(life, slug)).state).toBe("SUCCEEDED");
    if (!dies) await worker.stop();
    goOn();
    if (dies) await once(child, "exit");
    await vi.waitFor(
      async () => expect(await toldOf(life, slug)).toEqual(["TENANT_SECRET_RESTORED"]),
      { timeout: 60_000, interval: 200 },
    );
    await expectRight(life, slug);
    if (dies) await worker.stop();
  });

  test("removes nothing of the slug's next owner", { timeout: 300_000 }, async () => {
    const before = await world.startWorker();
    const slug = await life.provisioned();
    await before.stop();
    const worker = await freezeAt({ calls: { [nameOf(slug)]: "purge" } }, () => [
      begin(world.platform, "purgeTenant", slug),
    ]);
    await life.provisioned({ slug });
    await worker.stop();
    const stored = await world.platform.secrets.get(nameOf(slug));
    goOn();
    child.kill("SIGTERM");
    await once(child, "exit");
    expect((await world.platform.secrets.get(nameOf(slug)))?.version).toBe(stored?.version);
    await expectRight(life, slug);
  });
});
