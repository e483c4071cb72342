import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { sqlStateOf } from "../../src/database/faults.ts";
import type { EntityManager } from "../../src/database/orm.ts";
import { OperationEntity } from "../../src/operations/engine/operation.entity.ts";
import { runDoctor } from "../../src/operations/health/reconcile.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { retryOperation } from "../../src/operations/retry-and-cancel.ts";
import { timerEnded } from "../../src/operations/timers/timers.ts";
import { asSuperuser } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { connectOnce, storm } from "../kit/storm.ts";
import { followToEnd, OPERATOR } from "../kit/tenants.ts";
import type { Around } from "../kit/wrap.ts";
import { Life } from "./_life.ts";

/** What happens behind a phase's deed, as `KIND PHASE`, chosen by the test that runs. */
const behind = new Map<string, () => Promise<void>>();

const afterEffect: Around["afterEffect"] = async (phase, _run, kind) =>
  behind.get(`${kind} ${phase}`)?.();
const world = perFile(() => openPlatform({ worker: { afterEffect, times: 2 } }));
const life = new Life(world);

afterEach(() => behind.clear());
/** A login whose password was taken away or replaced, and one that may not be used for now. */
const CLOSED = "28P01";
const NO_LOGIN = "28000";

const nameOf = (slug: string) => `tenant-db-${slug}`;
const urlOf = async (slug: string) => (await world.platform.secrets.get(nameOf(slug)))?.value ?? "";

/** Whether a URL lets in: true, or the SQLSTATE of the refusal. */
async function opens(url: string): Promise<true | string | undefined> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch (error) {
    return sqlStateOf(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const rotate = async (slug: string, input: Record<string, unknown> = {}) =>
  await life.run("rotateCredentials", { slug, ...input });

/** Lets the grace period of a rotation end now; answers the operation that closes the old login. */
const endGrace = async (slug: string, rotation: string) =>
  await life.follow(slug, "RETIRE_CREDENTIALS", async () => {
    await life.em.execute("update platform.tenant set retiring_until = now() where slug = ?", [
      slug,
    ]);
    await timer(rotation);
  });
const timer = (rotation: string) =>
  life.em.transactional((em) => timerEnded(world.platform, em as EntityManager, rotation));

const doctor = (slug: string) => runDoctor(world.platform, OPERATOR, { slug, fix: true });

const rolesOf = async (slug: string): Promise<Record<string, boolean>> =>
  await asSuperuser(world.platform.databaseUrl, async (client) => {
    const { rows } = await client.query<{ name: string; login: boolean }>(
      "select rolname as name, rolcanlogin as login from pg_roles where starts_with(rolname, $1)",
      [`org_${slug.replaceAll("-", "_")}_app`],
    );
    return Object.fromEntries(
      rows.map(({ name, login }) => [name.replace(/.*_app/, "app"), login]),
    );
  });

describe("rotating a tenant's credentials", () => {
  test("opens a new login before the old one closes, and closes that at the end of the grace period", async () => {
    const slug = await life.provisioned();
    const [first, before] = [await urlOf(slug), await life.tenant(slug)];
    const rotation = await rotate(slug, { reason: "every quarter" });
    expect(rotation).toMatchObject({ state: "SUCCEEDED", error: null });
    const secret = await world.platform.secrets.get(nameOf(slug));
    const second = secret?.value ?? "";
    const tenant = await life.tenant(slug);
    const [from, to] = [before.appRole, `${before.appRole}_b`];
    expect(tenant).toMatchObject({ status: "ACTIVE", appRole: to, retiringRole: from });
    expect(rotation.result).toEqual({
      from,
      to,
      secretVersion: secret?.version,
      oldLoginOpenUntil: tenant.retiringUntil?.toISOString(),
    });
    expect(new URL(second).username).toBe(to);
    expect([await opens(first), await opens(second)]).toEqual([true, true]);
    const [left] = await life.timers(rotation.id);
    expect(left).toBeGreaterThan(3_500);

    const retirement = await endGrace(slug, rotation.id);
    expect(retirement).toMatchObject({ state: "SUCCEEDED", actorKind: "SYSTEM" });
    expect([await opens(first), await opens(second)]).toEqual([CLOSED, true]);
    expect(await life.tenant(slug)).toMatchObject({ retiringRole: null, retiringUntil: null });
    expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ findings: [] }]);
    expect(await life.facts(rotation.id)).toMatchObject({
      TENANT_CREDENTIALS_ROTATED: { from, to, reason: "every quarter" },
    });
    expect(await life.facts(retirement.id)).toMatchObject({
      TENANT_CREDENTIALS_RETIRED: { role: from },
    });

    const third = await rotate(slug);
    expect(third.result).toMatchObject({ from: to, to: from });
    expect([await opens(first), await opens(second)]).toEqual([CLOSED, true]);
    expect(await life.login(slug)).toBe(true);
    expect(await rolesOf(slug)).toEqual({ app: true, app_b: true });
  });

  test("gives the new login the rights of the old one and no more", async () => {
    const slug = await life.provisioned();
    await rotate(slug);
    const { schemaName, ownerRole, retiringRole } = await life.tenant(slug);
    const client = new pg.Client({ connectionString: await urlOf(slug) });
    client.on("error", () => undefined);
    await client.connect();
    const tries = async (sql: string) =>
      await client.query(sql).then(
        () => true,
        (error: unknown) => sqlStateOf(error),
      );
    expect(await tries("update organization set name = name")).toBe(true);
    expect(await tries("select count(*) from tenantry_migration")).toBe(true);
    for (const sql of [
      `create table ${schemaName}.x ()`,
      "create table public.x ()",
      "delete from tenantry_migration",
      `set role ${ownerRole}`,
      "create temporary table x ()",
      `alter role ${retiringRole} password 'mine'`,
    ]) {
      const denied = await tries(sql);
      expect({ sql, denied }).toEqual({ sql, denied: "42501" });
    }
    await client.end();
  });

  test("tells the secret's version, and its value to nobody", async () => {
    const slug = await life.provisioned();
    const { id } = await life.start("rotateCredentials", { slug });
    const { operation, events } = await followToEnd(world.platform, id);
    const secret = await world.platform.secrets.get(nameOf(slug));
    expect(events.map(({ body }) => body)).toContainEqual(
      expect.objectContaining({ phase: "SECRET_STORED", message: `version ${secret?.version}` }),
    );
    const kept = await life.em.execute("select output::text from dbos.operation_outputs");
    const told = JSON.stringify([operation, events, await life.facts(id), kept]);
    expect(told).not.toContain(new URL(secret?.value ?? "").password);
  });

  test("is refused while the old login is open, unless that is to be closed first", async () => {
    const slug = await life.provisioned();
    const first = await rotate(slug);
    const { retiringUntil, retiringRole } = await life.tenant(slug);
    await expect(rotate(slug)).rejects.toMatchObject({
      code: "E_GRACE_RUNNING",
      retryable: true,
      message: `The login ${retiringRole} of tenant '${slug}' is open until ${retiringUntil?.toISOString()}, when it is closed`,
    });
    const leaked = await urlOf(slug);
    const session = new pg.Client({ connectionString: leaked });
    session.on("error", () => undefined);
    const lost = new Promise((resolve) => session.once("end", resolve));
    await session.connect();
    const second = await life.follow(slug, "RETIRE_CREDENTIALS", () =>
      rotate(slug, { endGrace: true, gracePeriodSeconds: 0, reason: "leaked" }),
    );
    expect(second.state).toBe("SUCCEEDED");
    await lost;
    expect(await opens(leaked)).toBe(CLOSED);
    expect(await life.login(slug)).toBe(true);
    // The first rotation's timer finds nothing that is its own.
    await timer(first.id);
    expect(await life.em.count(OperationEntity, { subjectName: slug, finishedAt: null })).toBe(0);
  });

  test("lets nobody close the old login before the secret leads to the new one", async () => {
    const slug = await life.provisioned();
    const first = await world.platform.secrets.get(nameOf(slug));
    await rotate(slug);
    const second = await world.platform.secrets.get(nameOf(slug));
    // What a worker does that was frozen as it stored a version, and wakes up too late.
    await world.platform.secrets.set(nameOf(slug), first?.value ?? "", first?.tags ?? {});
    const refused = await life.run("retireCredentials", { slug });
    expect(refused).toMatchObject({ error: { code: "E_TENANT_NOT_READY" } });
    expect(await life.login(slug)).toBe(true);
    await world.platform.secrets.set(nameOf(slug), second?.value ?? "", second?.tags ?? {});
    expect((await life.run("retireCredentials", { slug })).result).toMatchObject({
      closedRole: new URL(first?.value ?? "").username,
    });
    const again = await life.run("retireCredentials", { slug });
    expect(again).toMatchObject({ state: "SUCCEEDED", result: { closedRole: null } });
    expect(await life.login(slug)).toBe(true);
  });

  test("asks for a grace period within its bounds", async () => {
    const slug = await life.provisioned();
    for (const gracePeriodSeconds of [-1, 0.5, 604_801]) {
      const asked = rotate(slug, { gracePeriodSeconds });
      await expect(asked).rejects.toMatchObject({ code: "E_VALIDATION" });
    }
    const plan = await life.start("rotateCredentials", { slug }, OPERATOR, true);
    const { operation } = await followToEnd(world.platform, plan.id);
    expect(operation.result).toMatchObject({ secretVersion: null, oldLoginOpenUntil: null });
    expect(await rolesOf(slug)).toEqual({ app: true });
  });

  test("that could not take the secret back leaves both logins open, and is taken up again", async () => {
    const slug = await life.provisioned();
    const first = await urlOf(slug);
    const { secrets, orm } = world.platform;
    behind.set("ROTATE_CREDENTIALS VERIFIED", async () => {
      await orm.em
        .fork()
        .execute("delete from platform.secret_version where name = ? and version = ?", [
          nameOf(slug),
          original?.version ?? "",
        ]);
      throw new Error("planned failure");
    });
    const original = await secrets.get(nameOf(slug));
    const failed = await rotate(slug);
    expect(failed.error?.message).toContain("could not be undone: SECRET_STORED, NEW_LOGIN_OPENED");
    const second = await urlOf(slug);
    expect(second).not.toBe(first);
    expect([await opens(first), await opens(second)]).toEqual([true, true]);
    expect((await life.tenant(slug)).appRole).toBe(new URL(first).username);
    // The doctor sees a login that the registry does not know, and locks nobody out by closing it.
    const { findings, repaired } = await doctor(slug);
    expect(findings).toMatchObject([
      { findings: [{ code: "LOGIN_NEWER", repair: "FOLLOW_SECRET" }] },
    ]);
    expect(repaired).toEqual([]);
    expect([await opens(first), await opens(second)]).toEqual([true, true]);

    behind.clear();
    const retried = await retryOperation(world.platform, OPERATOR, failed.id);
    const { operation } = await followToEnd(world.platform, retried.id);
    expect(operation.state).toBe("SUCCEEDED");
    expect(await urlOf(slug)).toBe(second);
    expect((await life.tenant(slug)).appRole).toBe(new URL(second).username);
    expect([await opens(first), await opens(second)]).toEqual([true, true]);
  });
});

describe("a tenant whose old login is still open", () => {
  test("is closed by suspending it and opened as it was by resuming", async () => {
    const slug = await life.provisioned();
    const first = await urlOf(slug);
    const rotation = await rotate(slug);
    const second = await urlOf(slug);
    await life.run("suspendTenant", { slug });
    expect([await opens(first), await opens(second)]).toEqual([NO_LOGIN, NO_LOGIN]);
    await life.run("resumeTenant", { slug });
    expect([await opens(first), await opens(second)]).toEqual([true, true]);
    await life.run("suspendTenant", { slug });
    expect((await endGrace(slug, rotation.id)).state).toBe("SUCCEEDED");
    await life.run("resumeTenant", { slug });
    expect([await opens(first), await opens(second)]).toEqual([CLOSED, true]);
  });

  test("keeps it until an operation that works on it has ended", async () => {
    const slug = await life.provisioned();
    const rotation = await rotate(slug);
    await life.em.execute("update platform.tenant set retiring_until = now() where slug = ?", [
      slug,
    ]);
    let go = () => {};
    const standing = new Promise<void>((stands) => {
      behind.set("SEED SETS_RESOLVED", async () => {
        stands();
        await new Promise<void>((resolve) => {
          go = resolve;
        });
      });
    });
    const seeding = await life.start("seedTenant", { slug, sets: ["core"] });
    await standing;
    await timer(rotation.id);
    expect((await life.timers(rotation.id))[0]).toBeLessThanOrEqual(5);
    expect((await life.tenant(slug)).retiringRole).not.toBeNull();
    const retired = await life.follow(slug, "RETIRE_CREDENTIALS", async () => go());
    expect(retired.state).toBe("SUCCEEDED");
    expect((await followToEnd(world.platform, seeding.id)).operation.state).toBe("SUCCEEDED");
  });

  test("is offboarded, restored and purged with both", async () => {
    const slug = await life.provisioned();
    const urls = [await urlOf(slug)];
    const rotation = await rotate(slug);
    urls.push(await urlOf(slug));
    const both = async () => await Promise.all(urls.map(opens));
    await life.run("offboardTenant", { slug });
    expect(await both()).toEqual([NO_LOGIN, NO_LOGIN]);
    await life.run("restoreTenant", { slug });
    expect(await both()).toEqual([true, true]);
    const purge = await life.run("purgeTenant", { slug, immediately: true, reason: "a test" });
    expect(purge).toMatchObject({
      state: "SUCCEEDED",
      result: { remaining: [], evidence: { roles: { length: 3 } } },
    });
    expect(await rolesOf(slug)).toEqual({});
    await timer(rotation.id);
    expect(await life.timers(rotation.id)).toHaveLength(1);
    expect(
      await life.em.count(OperationEntity, { kind: "RETIRE_CREDENTIALS", subjectName: slug }),
    ).toBe(0);
  });

  test("loses it by the doctor where the grace period has ended and its timer is lost", async () => {
    const slug = await life.provisioned();
    const first = await urlOf(slug);
    const rotation = await rotate(slug);
    const age = (interval: string) =>
      life.em.execute(
        "update platform.tenant set retiring_until = now() - ?::interval where slug = ?",
        [interval, slug],
      );
    await life.em.execute("delete from dbos.workflow_status where workflow_uuid like ?", [
      `${rotation.id}-timer-%`,
    ]);
    await age("10 minutes");
    expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ findings: [] }]);
    await age("20 minutes");
    const { findings, started } = await doctor(slug);
    expect(findings).toMatchObject([
      { findings: [{ code: "GRACE_ENDED", repair: "RETIRE_CREDENTIALS" }] },
    ]);
    const [retirement] = started;
    expect((await followToEnd(world.platform, retirement?.id ?? "")).operation).toMatchObject({
      kind: "RETIRE_CREDENTIALS",
      state: "SUCCEEDED",
    });
    expect([await opens(first), await life.login(slug)]).toEqual([CLOSED, true]);
    expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ findings: [] }]);
  });

  test("takes back what its application has set on its own roles, which the doctor names", async () => {
    const slug = await life.provisioned();
    const settings = async () =>
      (await tenantHealth(world.platform, { slug }))[0]?.findings.map(
        ({ code, message, repair }) => [
          ...[code, repair],
          ...(/\((.*)\)/.exec(message)?.[1] ?? "").split("; ").sort(),
        ],
      );
    const spoil = async () => {
      const client = new pg.Client({ connectionString: await urlOf(slug) });
      await client.connect();
      for (const setting of ["statement_timeout = '1ms'", "default_transaction_read_only = on"])
        await client.query(`alter role current_user set ${setting}`);
      const here = `alter role current_user in database ${client.database} set`;
      await client.query(`${here} search_path = pg_catalog; ${here} role = 'pg_monitor'`);
      await client.query("alter role current_user in database postgres set work_mem = '1MB'");
      await client.end();
      expect(await life.login(slug)).not.toBe(true);
    };
    const [app, tenants] = [
      `org_${slug.replaceAll("-", "_")}_app`,
      `${new URL(world.platform.databaseUrl).pathname.slice(1)}_tenants`,
    ];
    await spoil();
    const spoilt = (role: string) => [
      ...["ROLE_SETTINGS", null],
      ...[`${role}: default_transaction_read_only`, `${role}: role in database ${tenants}`],
      ...[`${role}: search_path in database ${tenants}`, `${role}: statement_timeout`],
      `${role}: work_mem in database postgres`,
    ];
    expect(await settings()).toEqual([spoilt(app)]);
    const now = () => rotate(slug, { gracePeriodSeconds: 0 });
    await life.follow(slug, "RETIRE_CREDENTIALS", now);
    await spoil();
    // Back to the first one, which was left as it was spoilt.
    const back = await life.follow(slug, "RETIRE_CREDENTIALS", now);
    expect(back).toMatchObject({ state: "SUCCEEDED" });
    expect(await life.login(slug)).toBe(true);
    expect(await settings()).toEqual([spoilt(`${app}_b`)]);
    for (const acts of [["suspendTenant", "resumeTenant"], ["migrateTenant"]] as const) {
      await spoil();
      for (const act of acts)
        expect(await life.run(act, { slug })).toMatchObject({ state: "SUCCEEDED", error: null });
      expect(await life.login(slug)).toBe(true);
    }
    expect(await settings()).toEqual([]);
  });

  test("is mended by the doctor where the logins are not as the registry says", async () => {
    const slug = await life.provisioned();
    const rotation = await rotate(slug);
    const { appRole, retiringRole } = await life.tenant(slug);
    await asSuperuser(world.platform.databaseUrl, (client) =>
      client.query(`alter role ${retiringRole} nologin`),
    );
    const [health] = await tenantHealth(world.platform, { slug });
    expect(health?.findings).toMatchObject([{ code: "ROLE_CANNOT_LOGIN", repair: "SET_LOGIN" }]);
    await endGrace(slug, rotation.id);
    await asSuperuser(world.platform.databaseUrl, (client) =>
      client.query(`alter role ${retiringRole} login`),
    );
    const [after] = await tenantHealth(world.platform, { slug });
    expect(after?.findings).toMatchObject([
      { code: "ROLE_CAN_LOGIN", message: expect.stringContaining(`${retiringRole} can log in`) },
    ]);
    expect((await doctor(slug)).repaired).toMatchObject([{ repair: "SET_LOGIN" }]);
    expect(await rolesOf(slug)).toEqual({ app: false, app_b: true });
    expect(appRole).not.toBe(retiringRole);
  });
});

test("a suspended tenant gets a new login that opens when it is resumed", async () => {
  const slug = await life.provisioned();
  const first = await urlOf(slug);
  await life.run("suspendTenant", { slug });
  const retired = await life.follow(slug, "RETIRE_CREDENTIALS", async () => {
    const rotation = await rotate(slug);
    expect(rotation.state).toBe("SUCCEEDED");
    expect(await rolesOf(slug)).toEqual({ app: false, app_b: false });
  });
  expect(retired.state).toBe("SUCCEEDED");
  await life.run("resumeTenant", { slug });
  expect(await opens(first)).toBe(CLOSED);
  expect(await life.login(slug)).toBe(true);
});

test("whoever reads the secret gets in, while it is rotated again and again", {
  timeout: 240_000,
}, async () => {
  const slug = await life.provisioned();
  const clients = storm(world.platform.secrets, nameOf(slug), 6);
  let enough = false;
  void clients.reaches(2_000).then(() => {
    enough = true;
  });
  let rotations = 0;
  while (!enough || rotations < 3) {
    const retired = await life.follow(slug, "RETIRE_CREDENTIALS", () =>
      rotate(slug, { gracePeriodSeconds: 2 }),
    );
    expect(retired.state).toBe("SUCCEEDED");
    rotations += 1;
  }
  await clients.stop();
  expect(clients.refused).toEqual([]);
  expect(clients.attempts).toBeGreaterThanOrEqual(2_000);
  expect(clients.roles.size).toBe(2);
  expect(await connectOnce(world.platform.secrets, nameOf(slug))).toBe(
    (await life.tenant(slug)).appRole,
  );
});
