import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { verifyAuditChain } from "../../src/audit/verify.ts";
import type { Repair } from "../../src/operations/health/finding.ts";
import { acceptLoss } from "../../src/operations/health/history/accept-loss.ts";
import { watchHistory } from "../../src/operations/health/history/watch-history.ts";
import { runDoctor } from "../../src/operations/health/reconcile.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug, urlOf } from "../kit/database.ts";
import { type DumpServer, startDumpServer, systemPostgres } from "../kit/dump-server.ts";
import { startKeyVault } from "../kit/key-vault.ts";
import { openPlatform } from "../kit/platform.ts";
import { PENDING_MIGRATION } from "../kit/scenarios.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";
import { Life } from "./_life.ts";

const programs = await systemPostgres();
const STORES = ["AZURE_KEY_VAULT", "LOCAL"] as const;
const NOW = { immediately: true, reason: "a test" };

/** What is under way while the dump is taken stands here, by slug and phase, until it is let go. */
const gates = new Map<string, { reached(): void; readonly open: Promise<void> }>();

function gateAt(slug: string, phase: string) {
  const [reached, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  gates.set(`${slug} ${phase}`, { reached: () => reached.resolve(), open: open.promise });
  return { reached: reached.promise, open: () => open.resolve() };
}

const AROUND = {
  afterEffect: async (phase: string, { subjectName }: { readonly subjectName: string }) => {
    const gate = gates.get(`${subjectName} ${phase}`);
    gate?.reached();
    await gate?.open;
  },
};

/** Tenants by what becomes of them. */
const NAMES = [
  ...["kept", "purged", "rotated", "suspended", "resumed", "migrated", "offboarded", "restored"],
  ...["settled", "turning", "leaving", "closing"],
] as const;
type Cast = Readonly<Record<string, string>>;

/** The life of the platform up to the dump; answers the slugs by name. */
async function before(life: Life): Promise<Cast> {
  const cast = Object.fromEntries(NAMES.map((name) => [name, freshSlug(name)]));
  await Promise.all(
    NAMES.map((name) =>
      life.provisioned({
        slug: cast[name] ?? "",
        seeds: ["core"],
        isolation: name === "purged" || name === "rotated" ? "DATABASE" : "SCHEMA",
      }),
    ),
  );
  const { id, schemaName, ownerRole, databaseName } = await life.tenant(cast.migrated ?? "");
  await asSuperuser(urlOf(life.platform.databaseUrl, databaseName ?? ""), (client) =>
    client.query(`set role ${ownerRole}; set search_path = ${schemaName}; ${PENDING_MIGRATION}`),
  );
  const older = { schemaVersion: "0002_units", migrationsApplied: 2 };
  await life.em.nativeUpdate(TenantEntity, { id }, older);
  await life.run("suspendTenant", { slug: cast.resumed ?? "" });
  await life.run("offboardTenant", { slug: cast.restored ?? "", retentionDays: 1 });
  return cast;
}

/** Begins what is to be under way while the dump is taken; answers what lets it go on to its end. */
async function underWay(life: Life, cast: Cast): Promise<() => Promise<void>> {
  const { turning = "", leaving = "", closing = "", settled = "" } = cast;
  const arriving = freshSlug("arriving");
  // As many as one db server's operations run at a time: what comes behind them waits in the queue.
  const held = [
    gateAt(turning, "NEW_LOGIN_OPENED"),
    gateAt(leaving, "SCHEMA_DROPPED"),
    gateAt(closing, "LOGIN_CLOSED"),
    gateAt(arriving, "MIGRATIONS_APPLIED"),
  ];
  const begun = [
    await life.start("rotateCredentials", { slug: turning, gracePeriodSeconds: 600 }),
    await life.start("purgeTenant", { slug: leaving, ...NOW }),
    await life.start("suspendTenant", { slug: closing }),
  ];
  const provisioned = provision(life.platform, { slug: arriving });
  await Promise.all(held.map(({ reached }) => reached));
  begun.push(await life.start("seedTenant", { slug: settled, sets: ["extra"] }));
  return async () => {
    for (const { open } of held) open();
    gates.clear();
    for (const { id } of begun)
      expect((await followToEnd(life.platform, id)).operation.state).toBe("SUCCEEDED");
    expect((await provisioned).operation.state).toBe("SUCCEEDED");
  };
}

/** What happens behind the dump; answers the slugs of tenants that it does not know. */
async function behind(life: Life, cast: Cast): Promise<Cast> {
  const of = (name: string) => ({ slug: cast[name] ?? "" });
  const done = [
    await life.run("purgeTenant", { ...of("purged"), ...NOW }),
    await life.run("rotateCredentials", { ...of("rotated"), gracePeriodSeconds: 0 }),
    await life.run("suspendTenant", of("suspended")),
    await life.run("resumeTenant", of("resumed")),
    await life.run("migrateTenant", of("migrated")),
    await life.run("offboardTenant", of("offboarded")),
    await life.run("restoreTenant", of("restored")),
    await life.run("resumeTenant", of("closing")),
    await life.run("rotateCredentials", { ...of("turning"), endGrace: true }),
  ];
  expect(done.map(({ state }) => state)).toEqual(done.map(() => "SUCCEEDED"));
  const added = {
    added: await life.provisioned({ seeds: ["core"] }),
    own: await life.provisioned({ isolation: "DATABASE" }),
    unwanted: await life.provisioned(),
    // A slug of which the former owner was still being purged when the dump was taken.
    next: await life.provisioned(of("leaving")),
  };
  await vi.waitFor(
    async () => expect((await life.tenant(cast.rotated ?? "")).retiringRole).toBeNull(),
    60_000,
  );
  return added;
}

/** Asks for tenants while the dump is taken; answers their slugs, and what waits for their end. */
async function load(life: Life, dumping: Promise<unknown>) {
  const slugs: string[] = [];
  const provisioning: Promise<unknown>[] = [];
  let going = true;
  const ended = dumping.finally(() => {
    going = false;
  });
  while (going && slugs.length < 6) {
    const slug = freshSlug("load");
    slugs.push(slug);
    provisioning.push(provision(life.platform, { slug }));
    await life.em.execute("select pg_sleep(0.1)");
  }
  await ended;
  return { slugs, done: () => Promise.all(provisioning) };
}

describe.skipIf(programs === null).each(STORES)(
  "a platform that is restored from a dump (%s)",
  (store) => {
    test("has its tenants taken back or cleared away, whatever happened behind the dump", async () => {
      await using server = await startDumpServer(programs ?? "");
      await using vault = await startKeyVault();
      const dataDir = await mkdtemp(join(tmpdir(), "tenantry-restore-"));
      await using _ = { [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true }) };
      const open = (database: string) =>
        openPlatform({
          environment: { DATABASE_URL: server.url(database), DATA_DIR: dataDir },
          replace: store === "LOCAL" ? {} : { secrets: vault.open() },
        });
      await server.create("live");
      const { cast, added, loaded, file } = await live(server, await open("live"));
      await server.restore(file, "restored");
      await using world = await open("restored");
      await mended(new Life(world), world, { ...cast, ...added }, store);
      await sound(new Life(world), [...Object.values({ ...cast, ...added }), ...loaded], server);
    }, 900_000);
  },
);

/** The platform as it lived, until it is lost; answers the dump that was taken meanwhile. */
async function live(server: DumpServer, world: Awaited<ReturnType<typeof openPlatform>>) {
  await using _ = world;
  const worker = await world.startWorker(AROUND);
  const end = await watchHistory(world.platform);
  const life = new Life(world);
  const cast = await before(life);
  const letGo = await underWay(life, cast);
  const dumping = server.dump("live");
  const { slugs: loaded, done } = await load(life, dumping);
  await letGo();
  await done();
  const added = await behind(life, cast);
  await end();
  await worker.stop(5_000);
  return { cast, added, loaded, file: await dumping };
}

/** What an operator does with the restored platform, as docs/restore-the-platform.md has it. */
async function mended(
  life: Life,
  world: Awaited<ReturnType<typeof openPlatform>>,
  cast: Cast,
  store: (typeof STORES)[number],
): Promise<void> {
  const { settled = "", restored = "", unwanted = "", leaving = "" } = cast;
  // As in a dump of the platform's schema alone, and one that is older than the retention window.
  const [lost] = await life.em.execute<{ id: string }[]>(
    "select id from platform.operation where subject_name = ? and finished_at is null",
    [settled],
  );
  await life.em.execute("delete from dbos.workflow_status where workflow_uuid = ?", [lost?.id]);
  const offboarding = await life.em.execute<{ id: string }[]>(
    "select id from platform.operation where subject_name = ? and kind = 'OFFBOARD'",
    [restored],
  );
  await life.endWindow(restored, offboarding[0]?.id ?? "");
  const end = await watchHistory(world.platform);
  await world.startWorker();
  await vi.waitFor(async () => expect(await active(life)).toEqual([lost?.id]), 120_000);
  // What the dump was about to drop may be in use: the next owner of its names is, here.
  const [purge] = await life.em.execute<{ error: { code: string } }[]>(
    "select error from platform.operation where kind = 'PURGE' and subject_name = ?",
    [leaving],
  );
  expect(purge?.error.code).toBe("E_HISTORY_LOST");
  const looked = (await tenantHealth(world.platform)).flatMap(({ findings }) => findings);
  expect(looked.map(({ code }) => code)).toContain("HISTORY_LOST");
  // Nothing was mended, opened or purged by itself.
  const deed = "select from platform.audit_event where type = 'TENANT_REPAIRED'";
  expect(await life.em.execute(deed)).toEqual([]);
  expect((await life.tenant(restored)).status).toBe("OFFBOARDED");

  await fix(life, ["DROP"], unwanted);
  const own: Repair[] = ["FOLLOW_SECRET", "ROTATE_CREDENTIALS", "FOLLOW_STATUS", "ENQUEUE"];
  await fix(life, [...own, "PURGE"]);
  await fix(life, ["ADOPT", "MIGRATE"]);
  await fix(life, ["MIGRATE", "SEED"]);
  await vi.waitFor(async () => expect(await active(life)).toEqual([]), 120_000);
  expect(await acceptLoss(world.platform, OPERATOR, "restored from a dump")).not.toBeNull();
  await end();
  if (store === "LOCAL") return;
  // Whoever could log in before still can: no secret was made anew that was there.
  expect(await life.login(cast.added ?? "")).toBe(true);
}

const active = async (life: Life): Promise<string[]> =>
  (
    await life.em.execute<{ id: string }[]>(
      "select id from platform.operation where finished_at is null",
    )
  ).map(({ id }) => id);

async function fix(life: Life, remedies: Repair[], slug?: string): Promise<void> {
  const report = await runDoctor(life.platform, OPERATOR, { slug, fix: remedies });
  for (const { id } of report.started)
    expect((await followToEnd(life.platform, id)).operation).toMatchObject({ state: "SUCCEEDED" });
  expect(report.failed).toEqual([]);
}

/** Everything agrees, every secret logs in, and what comes next works. */
async function sound(life: Life, slugs: readonly string[], server: DumpServer): Promise<void> {
  const { platform } = life;
  const told = (await tenantHealth(platform)).flatMap(({ slug, findings }) =>
    findings.map(({ code, message }) => `${slug} ${code} ${message}`),
  );
  expect(told).toEqual([]);
  const tenants = await life.em.find(TenantEntity, { status: { $ne: "PURGED" } });
  for (const { slug, status } of tenants) {
    expect((await tenantHealth(platform, { slug }))[0]?.findings, slug).toEqual([]);
    expect(await life.login(slug), slug).toBe(status === "ACTIVE" ? true : "28000");
    if (status !== "ACTIVE") await life.run("resumeTenant", { slug });
    const next = await life.run("rotateCredentials", { slug, endGrace: true });
    expect(next, slug).toMatchObject({ state: "SUCCEEDED", error: null });
    expect(await life.login(slug), slug).toBe(true);
  }
  const known = new Set(tenants.map(({ id }) => id));
  const marks = await asSuperuser(server.url("live_tenants"), (client) =>
    client.query<{ id: string }>(
      `select distinct substring(description from '^tenantry:tenant=([^;]+)') as id
       from (select description from pg_description union all
             select description from pg_shdescription) d
       where description like 'tenantry:tenant=%'`,
    ),
  );
  expect(marks.rows.filter(({ id }) => !known.has(id))).toEqual([]);
  expect(await verifyAuditChain(life.em)).toBeNull();
  expect(slugs.length).toBeGreaterThan(tenants.length - 1);
  const [again] = await Promise.all([
    life.provisioned(),
    life.provisioned({ isolation: "DATABASE" }),
  ]);
  expect(await life.login(again)).toBe(true);
}
