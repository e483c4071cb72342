import { describe, expect, test } from "vitest";
import { cleanupFailedTenants } from "../../src/operations/cleanup-failed-tenants.ts";
import type { Operation } from "../../src/operations/engine/operation.entity.ts";
import { retryOperation } from "../../src/operations/retry-and-cancel.ts";
import { placeHold, releaseHold } from "../../src/operations/tenant-hold.ts";
import { findTenant, tenantBySlug } from "../../src/tenants/registry.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { planFailure } from "../kit/plan-failure.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";

const failure = planFailure({ times: 2 });
const world = perFile(() => openPlatform({ worker: failure }));

const em = () => world.platform.orm.em.fork();
const tenantOf = (slug: string) => tenantBySlug(em(), slug);
const cleanUp = (request: { slug?: string; dropSchema?: boolean }) =>
  cleanupFailedTenants(world.platform, OPERATOR, request);

/** Cleans one tenant up and waits for the end. */
async function cleanUpOne(slug: string, dropSchema: boolean) {
  const [started] = await cleanUp({ slug, dropSchema });
  if (!started || !("operation" in started)) throw new Error(String(started?.error));
  return await followToEnd(world.platform, started.operation.id);
}

/** A tenant whose provisioning was undone: nothing of it is left but its row. */
async function undone(): Promise<string> {
  const slug = freshSlug("clean");
  failure.at = "MIGRATIONS_APPLIED";
  await provision(world.platform, { slug });
  failure.at = null;
  return slug;
}

/** A FAILED tenant of which everything still stands. */
async function stranded(more: Partial<{ dbServerId: null }> = {}): Promise<string> {
  const slug = freshSlug("clean");
  const { operation } = await provision(world.platform, { slug });
  expect(operation.state).toBe("SUCCEEDED");
  await em().nativeUpdate(TenantEntity, { slug }, { status: "FAILED", ...more });
  return slug;
}

const remainsOf = (slug: string, ours = true) => {
  const schema = `org_${slug.replaceAll("-", "_")}`;
  return expect.arrayContaining([
    { kind: "SCHEMA", name: schema, server: "default", ours },
    { kind: "OWNER_ROLE", name: `${schema}_owner`, server: "default", ours },
    { kind: "APP_ROLE", name: `${schema}_app`, server: "default", ours },
    { kind: "SECRET", name: `tenant-db-${slug}`, server: null, ours },
  ]);
};

describe("cleaning up a failed tenant", () => {
  test("removes everything that bears its mark, with dropSchema", async () => {
    const empty = await worldOf(world.platform, "clean");
    const slug = await stranded();
    const { id } = await tenantOf(slug);
    const { operation } = await cleanUpOne(slug, true);
    expect(operation).toMatchObject({
      state: "SUCCEEDED",
      result: {
        dropSchema: true,
        removed: remainsOf(slug),
        remaining: [],
        unsearched: [],
        people: { memberships: 1, invitations: 1, mails: 1, identities: 1 },
      },
    });
    expect(await worldOf(world.platform, "clean")).toEqual(empty);
    expect(await findTenant(em(), { slug })).toBeNull();
    expect((await findTenant(em(), { id }))?.status).toBe("PURGED");
    expect((await provision(world.platform, { slug })).operation.state).toBe("SUCCEEDED");
  });

  test("reports what it leaves behind by name, without dropSchema", async () => {
    const slug = await stranded();
    const { operation } = await cleanUpOne(slug, false);
    expect(operation).toMatchObject({
      state: "SUCCEEDED",
      result: { removed: [], remaining: remainsOf(slug) },
    });
    const { operation: again } = await provision(world.platform, { slug });
    expect(again.error).toMatchObject({ code: "E_PARTIAL_STATE" });
  });

  test("finds what an undo left of a tenant that is placed nowhere", async () => {
    const slug = await stranded({ dbServerId: null });
    const { operation } = await cleanUpOne(slug, true);
    expect(operation.result).toMatchObject({ removed: remainsOf(slug), remaining: [] });
    expect((await worldOf(world.platform, slug)).roles).toEqual([]);
  });

  test("never touches what was not made for the tenant", async () => {
    const slug = await undone();
    const schema = `org_${slug.replaceAll("-", "_")}`;
    await asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) =>
      client.query(`create schema ${schema}; create table ${schema}.precious (id int)`),
    );
    const { operation } = await cleanUpOne(slug, true);
    expect(operation.result).toMatchObject({
      removed: [],
      remaining: [{ kind: "SCHEMA", name: schema, server: "default", ours: false }],
    });
    expect((await worldOf(world.platform, slug)).schemas).toContain(schema);
  });

  test("starts for every failed tenant, and for no other", async () => {
    await em().nativeUpdate(TenantEntity, { status: "FAILED" }, { status: "PURGED" });
    const failed = [await undone(), await undone()].sort();
    const { operation } = await provision(world.platform);
    const started = await cleanUp({ dropSchema: true });
    expect(started.map(({ slug }) => slug)).toEqual(failed);
    for (const each of started) {
      const { id } = (each as { operation: Operation }).operation;
      expect((await followToEnd(world.platform, id)).operation.state).toBe("SUCCEEDED");
    }
    expect((await tenantOf(operation.subjectName)).status).toBe("ACTIVE");
    expect(await cleanUp({})).toEqual([]);
  });

  test("answers why a tenant is not cleaned up", async () => {
    const { operation } = await provision(world.platform);
    const codeOf = async (slug: string) => {
      const [started] = await cleanUp({ slug });
      return started && "error" in started ? started.error.code : null;
    };
    expect(await codeOf(operation.subjectName)).toBe("E_TENANT_STATUS");
    expect(await codeOf("nobody")).toBe("E_TENANT_NOT_FOUND");
    const slug = await undone();
    await placeHold(world.platform, OPERATOR, { slug, reason: "under investigation" });
    expect(await codeOf(slug)).toBe("E_TENANT_LOCKED");
    await releaseHold(world.platform, OPERATOR, { slug });
    expect(await codeOf(slug)).toBeNull();
  });

  const phases = ["REMAINS_FOUND", "SCHEMA_DROPPED", "SECRET_REMOVED", "REMAINING_FOUND"];
  test.each([...phases, "CLEANED_UP"])(
    "leaves a failed tenant when %s fails, and goes on when it is retried",
    async (phase) => {
      const slug = await stranded();
      failure.at = phase;
      const { operation } = await cleanUpOne(slug, true);
      expect(operation).toMatchObject({ state: "FAILED", error: { phase } });
      expect((await tenantOf(slug)).status).toBe("FAILED");
      failure.at = null;
      const again = await retryOperation(world.platform, OPERATOR, operation.id);
      expect((await followToEnd(world.platform, again.id)).operation).toMatchObject({
        state: "SUCCEEDED",
        result: { remaining: [] },
      });
      const after = await worldOf(world.platform, slug);
      expect([after.roles, after.pendingMail]).toEqual([[], 0]);
      expect(after.secrets).not.toContain(`tenant-db-${slug}`);
      expect(await findTenant(em(), { slug })).toBeNull();
    },
  );
});
