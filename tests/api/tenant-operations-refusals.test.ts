import { describe, expect, test } from "vitest";
import { GRANTS } from "../../src/iam/grants.ts";
import { ROLES, type Role } from "../../src/iam/roles.ts";
import { openTestApi, type SignedIn } from "../kit/api.ts";
import { freshName, freshSlug } from "../kit/database.ts";
import { CANCEL } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { act, register, sendAct } from "./_tenant-operations.ts";

// No worker runs: an operation that is started stays PENDING, and in the way of the next.
const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const callers = perFile(async () => {
  const pairs = await Promise.all(ROLES.map(async (role) => [role, await api.as(role)] as const));
  return Object.fromEntries(pairs) as Record<Role, SignedIn>;
});

/** Every mutation that starts an operation on a tenant, with what it needs beside the slug. */
const STARTS: Record<string, { status: "ACTIVE" | "SUSPENDED" | "OFFBOARDED"; input?: object }> = {
  migrateTenant: { status: "ACTIVE" },
  activateTenant: { status: "ACTIVE" },
  addLaboratory: { status: "ACTIVE", input: { name: "Second" } },
  seedTenant: { status: "ACTIVE", input: { sets: ["core"] } },
  refreshSnapshots: { status: "ACTIVE" },
  rotateTenantCredentials: { status: "ACTIVE" },
  retireTenantCredentials: { status: "ACTIVE" },
  suspendTenant: { status: "ACTIVE" },
  resumeTenant: { status: "SUSPENDED" },
  offboardTenant: { status: "ACTIVE" },
  restoreTenant: { status: "OFFBOARDED" },
  purgeTenant: { status: "ACTIVE", input: { immediately: true, reason: "a test" } },
};

describe.each(Object.entries(STARTS))("%s", (mutation, { status, input }) => {
  test("answers the same operation for the same key, refuses another meanwhile, and is cancelled", async () => {
    const slug = await register(world, status);
    const caller = callers.ADMINISTRATOR;
    const idempotencyKey = freshName("key");
    const asked = { ...input, slug, idempotencyKey };
    const first = await act(caller, mutation, asked);
    expect(first).toMatchObject({ replayed: false, operation: { state: "PENDING" } });
    expect(first.tenant.slug).toBe(slug);
    const again = await act(caller, mutation, asked);
    expect(again).toMatchObject({ replayed: true, operation: { id: first.operation.id } });
    const other = await act(caller, mutation, { ...asked, slug: await register(world, status) });
    expect(other).toMatchObject({ __typename: "RefusedError", code: "E_IDEMPOTENCY_KEY_REUSED" });
    const second = await act(caller, mutation, { ...input, slug });
    expect(second).toMatchObject({
      __typename: "OperationInProgressError",
      code: "E_OPERATION_IN_PROGRESS",
      operation: { id: first.operation.id },
    });
    const { cancelOperation } = await caller.ask(CANCEL, { id: first.operation.id });
    expect(cancelOperation.operation).toMatchObject({ state: "CANCELLING" });
  });

  test("refuses an unknown slug", async () => {
    const unknown = await act(callers.ADMINISTRATOR, mutation, { ...input, slug: "nobody" });
    expect(unknown).toMatchObject({
      __typename: "RefusedError",
      code: "E_TENANT_NOT_FOUND",
      retryable: false,
      message: "Tenant slug 'nobody' not found",
    });
  });
});

/** The roles that a mutation is forbidden to; those that may do more come later, and start it. */
async function forbidden(mutation: string, input: Record<string, unknown>): Promise<Role[]> {
  const refused: Role[] = [];
  for (const role of ROLES.toReversed()) {
    const { errors } = await sendAct(callers[role], mutation, input);
    if (errors?.some(({ extensions }) => extensions?.code === "E_FORBIDDEN")) refused.unshift(role);
  }
  return refused;
}

describe("only administrators", () => {
  const refusedTo = (action: keyof typeof GRANTS) =>
    ROLES.filter((role) => !GRANTS[action].some((granted) => granted === role));

  test("force, and purge behind an offboarding, also as a window of no days", async () => {
    const reason = "a test";
    const force = { slug: await register(world, "FAILED"), force: true, reason };
    expect(await forbidden("activateTenant", force)).toEqual(refusedTo("tenant:force"));
    const offboard = { slug: await register(world, "ACTIVE"), purge: true, reason };
    expect(await forbidden("offboardTenant", offboard)).toEqual(refusedTo("tenant:purge"));
    const atOnce = { slug: await register(world, "ACTIVE"), retentionDays: 0 };
    expect(await forbidden("offboardTenant", atOnce)).toEqual(refusedTo("tenant:purge"));
  });
});

describe("what is asked for is read by the operation's rules", () => {
  test.each([
    ["activateTenant", { force: true }, "reason"],
    ["addLaboratory", { name: "" }, "name"],
    ["seedTenant", { sets: [] }, "sets"],
    ["refreshSnapshots", { targets: [] }, "targets"],
    ["suspendTenant", { reason: "two\nlines" }, "reason"],
    ["offboardTenant", { retentionDays: -1 }, "retentionDays"],
    ["offboardTenant", { purge: true }, "reason"],
    ["purgeTenant", { immediately: true }, "reason"],
  ])("%s %j", async (mutation, input, path) => {
    const slug = await register(world, "ACTIVE");
    const answered = await act(callers.ADMINISTRATOR, mutation, { ...input, slug });
    expect(answered).toMatchObject({ __typename: "ValidationError", code: "E_VALIDATION" });
    expect(answered.issues).toEqual([{ path: [path], code: "E_VALIDATION" }]);
  });
});

test("a cleanup tells of every tenant what became of it, and its key starts no second", async () => {
  const caller = callers.PROVISIONER;
  const slugs = [await register(world, "FAILED"), await register(world, "FAILED")].sort();
  const lockedAt = new Date();
  const locked = await register(world, "FAILED", { lockedAt, lockReason: "legal hold" });
  const input = { idempotencyKey: freshName("key") };
  const first = await act(caller, "cleanupFailedTenants", input);
  const of = (answered: typeof first, slug: string) =>
    answered.results.find((result: { slug: string }) => result.slug === slug);
  for (const slug of slugs) expect(of(first, slug).operation.state).toBe("PENDING");
  expect(of(first, locked)).toMatchObject({ operation: null, error: { code: "E_TENANT_LOCKED" } });
  const again = await act(caller, "cleanupFailedTenants", input);
  for (const slug of slugs) expect(of(again, slug)).toEqual(of(first, slug));
  const other = await act(caller, "cleanupFailedTenants", {});
  for (const slug of slugs) expect(of(other, slug).error.code).toBe("E_OPERATION_IN_PROGRESS");
  const unknown = await act(caller, "cleanupFailedTenants", { slug: "nobody" });
  expect(unknown.results[0].error.message).toBe("Tenant slug 'nobody' not found");
});

test("a lock wants a reason", async () => {
  const slug = await register(world, "ACTIVE");
  const answered = await act(callers.ADMINISTRATOR, "lockTenant", { slug, reason: " " });
  expect(answered).toMatchObject({ __typename: "ValidationError", code: "E_VALIDATION" });
});

describe("tenants are listed", () => {
  const LIST = `query ($filter: TenantFilter) {
    tenants(filter: $filter, first: 100) { totalCount nodes { slug } }
  }`;
  const list = async (filter: object, role: Role = "READONLY"): Promise<string[]> => {
    const { tenants } = await callers[role].ask(LIST, { filter });
    expect(tenants.totalCount).toBe(tenants.nodes.length);
    return tenants.nodes.map(({ slug }: { slug: string }) => slug).reverse();
  };

  test("by everything that the registry knows, and by whether they are behind", async () => {
    const text = freshSlug("listed");
    const make = (slug: string, fields: object) =>
      register(world, "ACTIVE", { slug: `${text}-${slug}`, ...fields });
    const old = await make("old", { schemaVersion: "0002_units", tier: "PREMIUM" });
    const none = await make("none", { schemaVersion: null, region: "eu" });
    const newest = await make("newest", {
      schemaVersion: "0003_samples",
      migrationsApplied: 3,
      isolation: "DATABASE",
    });
    // Of the newest version, and without one that came before.
    const lacking = await make("lacking", { schemaVersion: "0003_samples", migrationsApplied: 2 });
    const ahead = await make("ahead", { schemaVersion: "0010_later", adminEmail: "eve@x.test" });
    expect(await list({ text, behind: true })).toEqual([old, none, lacking]);
    expect(await list({ text, behind: false })).toEqual([newest, ahead]);
    expect(await list({ text, tier: "PREMIUM" })).toEqual([old]);
    expect(await list({ text, region: "eu" })).toEqual([none]);
    expect(await list({ text, isolation: "DATABASE", behind: false })).toEqual([newest]);
    expect(await list({ text: "EVE@x" })).toEqual([]);
    expect(await list({ text: "EVE@x" }, "SUPPORT")).toEqual([ahead]);
    expect(await list({ text: null, status: null, region: text })).toEqual([]);
  });
});
