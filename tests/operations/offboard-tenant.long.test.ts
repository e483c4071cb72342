import { describe, expect, test } from "vitest";
import type { EntityManager } from "../../src/database/orm.ts";
import type { Actor } from "../../src/iam/actor.ts";
import { OperationEntity } from "../../src/operations/engine/operation.entity.ts";
import { placeHold, releaseHold } from "../../src/operations/tenant-hold.ts";
import { timerEnded } from "../../src/operations/timers/timers.ts";
import { findTenant } from "../../src/tenants/registry.ts";
import { perFile } from "../kit/lifetime.ts";
import { planFailure } from "../kit/plan-failure.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR } from "../kit/tenants.ts";
import { Life } from "./_life.ts";

const DAY_S = 86_400;
const REFUSED = "28000";
const PROVISIONER: Actor = { ...OPERATOR, role: "PROVISIONER" };

const failure = planFailure({ times: 2 });
const world = perFile(() => openPlatform({ worker: failure }));
const life = new Life(world);

/** Does what a timer does, without waiting for one. */
const timerEnds = (operationId: string) =>
  life.em.transactional((em) => timerEnded(world.platform, em as EntityManager, operationId));

const purgesOf = async (slug: string) =>
  await life.em.find(OperationEntity, { subjectName: slug, kind: "PURGE" });

describe("offboarding a tenant", () => {
  test("closes it, keeps everything, and sets a timer for the end of its window", async () => {
    const slug = await life.provisioned();
    const operation = await life.run("offboardTenant", { slug, reason: "contract ended" });
    const { purgeAfter, ...tenant } = await life.tenant(slug);
    expect(tenant).toMatchObject({ status: "OFFBOARDED", offboardedFrom: "ACTIVE" });
    expect(operation).toMatchObject({
      state: "SUCCEEDED",
      result: { offboardedFrom: "ACTIVE", purgeAfter: purgeAfter?.toISOString(), purge: false },
    });
    const [left = 0, ...more] = await life.timers(operation.id);
    expect(more).toEqual([]);
    expect(Math.abs(left - 30 * DAY_S)).toBeLessThan(60);
    expect(await life.login(slug)).toBe(REFUSED);
    expect((await life.facts(operation.id)).TENANT_OFFBOARDED).toMatchObject({
      reason: "contract ended",
      from: "ACTIVE",
    });
  });

  test("is refused for a locked tenant, a faulty request, and without the right to purge", async () => {
    const slug = await life.provisioned();
    const refusal = (input: object, actor = OPERATOR) =>
      life.start("offboardTenant", { slug, ...input }, actor).then(
        () => null,
        (error) => error.code,
      );
    expect(await refusal({ retentionDays: 3651 })).toBe("E_VALIDATION");
    expect(await refusal({ retentionDays: -1 })).toBe("E_VALIDATION");
    expect(await refusal({ purge: true })).toBe("E_VALIDATION");
    expect(await refusal({ purge: true, reason: "gone" }, PROVISIONER)).toBe("E_FORBIDDEN");
    await placeHold(world.platform, OPERATOR, { slug, reason: "legal hold" });
    await expect(life.start("offboardTenant", { slug })).rejects.toMatchObject({
      code: "E_TENANT_LOCKED",
      message: expect.stringContaining("legal hold"),
    });
    await releaseHold(world.platform, OPERATOR, { slug });
    expect((await life.run("offboardTenant", { slug }, PROVISIONER)).state).toBe("SUCCEEDED");
    expect(await refusal({})).toBe("E_TENANT_STATUS");
  });

  test.each(["LOGIN_CLOSED", "SESSIONS_ENDED", "OFFBOARDED"])(
    "leaves the tenant as it was when %s fails, and can be done again",
    async (phase) => {
      const slug = await life.provisioned();
      failure.at = phase;
      const operation = await life.run("offboardTenant", { slug });
      expect(operation).toMatchObject({ state: "FAILED", error: { phase } });
      expect(await life.tenant(slug)).toMatchObject({ status: "ACTIVE", purgeAfter: null });
      expect(await life.login(slug)).toBe(true);
      expect(await life.timers(operation.id)).toEqual([]);
      failure.at = null;
      expect((await life.run("offboardTenant", { slug })).state).toBe("SUCCEEDED");
    },
  );
});

describe("restoring a tenant", () => {
  test("brings back an active one with a login that works", async () => {
    const slug = await life.provisioned();
    const before = await life.tenant(slug);
    await life.run("offboardTenant", { slug });
    const operation = await life.run("restoreTenant", { slug });
    expect(operation).toMatchObject({ state: "SUCCEEDED", result: { status: "ACTIVE" } });
    const after = await life.tenant(slug);
    expect({ ...after, updatedAt: null }).toEqual({ ...before, updatedAt: null });
    expect(await life.login(slug)).toBe(true);
    await expect(life.start("restoreTenant", { slug })).rejects.toMatchObject({
      code: "E_TENANT_STATUS",
    });
  });

  test("brings back a suspended one as suspended", async () => {
    const slug = await life.provisioned();
    await life.run("suspendTenant", { slug });
    await life.run("offboardTenant", { slug });
    const operation = await life.run("restoreTenant", { slug });
    expect(operation).toMatchObject({ state: "SUCCEEDED", result: { status: "SUSPENDED" } });
    expect((await life.tenant(slug)).status).toBe("SUSPENDED");
    expect(await life.login(slug)).toBe(REFUSED);
  });

  test.each(["LOGIN_OPENED", "VERIFIED", "RESTORED"])(
    "leaves the tenant offboarded when %s fails, and can be done again",
    async (phase) => {
      const slug = await life.provisioned();
      await life.run("offboardTenant", { slug });
      failure.at = phase;
      const operation = await life.run("restoreTenant", { slug });
      expect(operation).toMatchObject({ state: "FAILED", error: { phase } });
      expect((await life.tenant(slug)).status).toBe("OFFBOARDED");
      expect(await life.login(slug)).toBe(REFUSED);
      failure.at = null;
      expect((await life.run("restoreTenant", { slug })).state).toBe("SUCCEEDED");
      expect(await life.login(slug)).toBe(true);
    },
  );
});

describe("the end of a retention window", () => {
  test("purges by itself, as the platform", async () => {
    const slug = await life.provisioned();
    const { id } = await life.tenant(slug);
    const purge = await life.follow(slug, "PURGE", () =>
      life.run("offboardTenant", { slug, retentionDays: 0 }),
    );
    expect(purge).toMatchObject({ state: "SUCCEEDED", subjectId: id, actorKind: "SYSTEM" });
    expect(await findTenant(life.em, { slug })).toBeNull();
  });

  test("purges right behind when an administrator asks for it, in their name", async () => {
    const slug = await life.provisioned();
    const purge = await life.follow(slug, "PURGE", () =>
      life.run("offboardTenant", { slug, purge: true, reason: "asked to be forgotten" }),
    );
    expect(purge).toMatchObject({ state: "SUCCEEDED", actorKind: "OS_USER", actorId: OPERATOR.id });
    expect((await life.facts(purge.id)).TENANT_PURGED).toMatchObject({
      reason: "asked to be forgotten",
    });
  });

  test("looks again a day later, also after it has started a purge that may fail", async () => {
    const slug = await life.provisioned();
    const { id } = await life.run("offboardTenant", { slug });
    failure.at = "SCHEMA_DROPPED";
    const failed = await life.follow(slug, "PURGE", () => life.endWindow(slug, id));
    expect(failed).toMatchObject({ state: "FAILED", error: { phase: "SCHEMA_DROPPED" } });
    const [left = 0] = await life.timers(id);
    expect(Math.abs(left - DAY_S)).toBeLessThan(60);
    failure.at = null;
    const purge = await life.follow(slug, "PURGE", async () => {
      await life.endWindow(slug, id);
      // The feed tells the failed purge once more.
      await life.em.nativeUpdate(OperationEntity, { id: failed.id }, { subjectName: "before" });
    });
    expect(purge).toMatchObject({ state: "SUCCEEDED" });
    expect(purge.id).not.toBe(failed.id);
  });

  test("does nothing for a tenant that was restored, or offboarded again since", async () => {
    const slug = await life.provisioned();
    const first = await life.run("offboardTenant", { slug });
    await life.run("restoreTenant", { slug });
    await timerEnds(first.id);
    const second = await life.run("offboardTenant", { slug });
    await life.em.execute("update platform.tenant set purge_after = now() where slug = ?", [slug]);
    await timerEnds(first.id);
    expect(await purgesOf(slug)).toEqual([]);
    expect(await life.timers(first.id)).toHaveLength(1);
    const purge = await life.follow(slug, "PURGE", () => timerEnds(second.id));
    expect(purge.state).toBe("SUCCEEDED");
  });

  test("waits for the rest of a window that has not ended by the database's clock", async () => {
    const slug = await life.provisioned();
    const { id } = await life.run("offboardTenant", { slug, retentionDays: 2 });
    await timerEnds(id);
    expect(await purgesOf(slug)).toEqual([]);
    expect((await life.timers(id)).map((left) => Math.round(left / DAY_S))).toEqual([2, 2]);
  });

  test("is postponed by a lock, which the audit trail tells", async () => {
    const slug = await life.provisioned();
    const { id } = await life.run("offboardTenant", { slug });
    await life.em.execute("update platform.tenant set purge_after = now() where slug = ?", [slug]);
    await placeHold(world.platform, OPERATOR, { slug, reason: "legal hold" });
    await timerEnds(id);
    expect(await purgesOf(slug)).toEqual([]);
    expect((await life.facts(id)).TENANT_PURGE_POSTPONED).toMatchObject({
      reason: "locked: legal hold",
    });
    expect(await life.timers(id)).toHaveLength(2);
    await releaseHold(world.platform, OPERATOR, { slug });
    const purge = await life.follow(slug, "PURGE", () => life.endWindow(slug, id));
    expect(purge.state).toBe("SUCCEEDED");
  });

  test("lets a running operation end first", async () => {
    const slug = await life.provisioned();
    const { id } = await life.run("offboardTenant", { slug });
    await life.em.execute("update platform.tenant set purge_after = now() where slug = ?", [slug]);
    const restore = await life.start("restoreTenant", { slug });
    await timerEnds(id);
    const { operation } = await followToEnd(world.platform, restore.id);
    expect(operation.state).toBe("SUCCEEDED");
    expect(await purgesOf(slug)).toEqual([]);
  });
});

describe("locking a tenant", () => {
  test("needs a reason, and is told in the audit trail", async () => {
    const slug = await life.provisioned();
    const lock = (request: object, actor = OPERATOR) => placeHold(world.platform, actor, request);
    await expect(lock({ slug })).rejects.toMatchObject({ code: "E_VALIDATION" });
    await expect(lock({ slug: "nobody", reason: "x" })).rejects.toMatchObject({
      code: "E_TENANT_NOT_FOUND",
    });
    const { lockedAt } = await lock({ slug, reason: "first" });
    expect(await lock({ slug, reason: "second" })).toMatchObject({
      lockedAt,
      lockReason: "second",
    });
    await releaseHold(world.platform, OPERATOR, { slug });
    await releaseHold(world.platform, OPERATOR, { slug });
    expect(await life.tenant(slug)).toMatchObject({ lockedAt: null, lockReason: null });
    const rows = await life.em.execute<{ type: string }[]>(
      "select type from platform.audit_event where tenant_slug = ? and type like '%LOCKED' order by sequence",
      [slug],
    );
    expect(rows.map(({ type }) => type)).toEqual([
      "TENANT_LOCKED",
      "TENANT_LOCKED",
      "TENANT_UNLOCKED",
    ]);
  });
});
