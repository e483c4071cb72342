import { describe, expect, test } from "vitest";
import { OperationEntity } from "../../src/operations/engine/operation.entity.ts";
import { openTestApi } from "../kit/api.ts";
import { freshSlug } from "../kit/database.ts";
import { RETRY } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { CATALOG } from "../kit/scenarios.ts";
import { followToEnd, provision } from "../kit/tenants.ts";
import { act } from "./_tenant-operations.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));

async function provisioned(): Promise<string> {
  const slug = freshSlug("act");
  const { operation } = await provision(world.platform, { slug, seeds: ["core"] });
  expect(operation.state).toBe("SUCCEEDED");
  return slug;
}

const RESULT = `query ($id: ID!) {
  operation(id: $id) {
    id kind state done error { code message phase } tenant { status seedSets purgeAfter offboardedFrom }
    phases { name state }
    result {
      __typename
      ... on MigrationResult { version applied pending activated checks { name passed message } }
      ... on ActivationResult { version checks { name passed } }
      ... on LaboratoryResult { laboratoryId laboratoryName organizationName setupName }
      ... on SeedResult { sets { set rowsAdded tables { table rows } } }
      ... on SnapshotResult { hard targets { target total rows skipped } }
      ... on SuspensionResult { sessionsEnded }
      ... on OffboardingResult { offboardedFrom purgeAfter purge sessionsEnded }
      ... on RestorationResult { status }
      ... on CleanupResult {
        dropSchema unsearched people { identities }
        removed { kind name server ours } remaining { kind name }
      }
      ... on PurgeResult {
        begun people { memberships } remaining { kind }
        evidence { server database schema tables bytes roles secretName }
      }
    }
  }
}`;

async function ended(id: string) {
  await followToEnd(world.platform, id);
  return (await administrator.ask(RESULT, { id })).operation;
}

/** Sends a mutation, waits for the end of its operation, and answers that. */
async function run(mutation: string, input: Record<string, unknown>) {
  const answered = await act(administrator, mutation, input);
  expect(answered.__typename).toMatch(/Payload$/);
  return await ended(answered.operation.id);
}

describe("over the API a tenant", () => {
  test("is migrated, with a dry run before, and activated with the result of each check", async () => {
    const slug = await provisioned();
    const plan = await run("migrateTenant", { slug, dryRun: true });
    expect(plan).toMatchObject({
      kind: "MIGRATE",
      state: "SUCCEEDED",
      tenant: null,
      result: { __typename: "MigrationResult", version: "0003_samples", pending: [], checks: [] },
    });
    const migrated = await run("migrateTenant", { slug });
    expect(migrated.result).toMatchObject({ version: "0003_samples", applied: [] });
    expect(migrated.result.checks.length).toBeGreaterThan(4);
    const activated = await run("activateTenant", { slug });
    expect(activated.result.__typename).toBe("ActivationResult");
    expect(activated.result.checks.every(({ passed }: { passed: boolean }) => passed)).toBe(true);
  });

  test("that is not ready says which checks failed", async () => {
    const slug = await provisioned();
    const { orm } = world.platform;
    await orm.em
      .fork()
      .execute("update platform.tenant set seed_sets = '{core,extra}' where slug = ?", [slug]);
    const operation = await run("activateTenant", { slug });
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_TENANT_NOT_READY", phase: "ACTIVATED" },
      result: {
        __typename: "ActivationResult",
        checks: expect.arrayContaining([{ name: "SEEDS", passed: false }]),
      },
    });
    const { retryOperation } = await administrator.ask(RETRY, { id: operation.id });
    expect(retryOperation.operation.retryOf.id).toBe(operation.id);
    expect((await ended(retryOperation.operation.id)).state).toBe("FAILED");
    const forced = { slug, force: true, reason: "a test" };
    expect(await run("activateTenant", forced)).toMatchObject({ state: "SUCCEEDED" });
  });

  test("gets another laboratory and more seeds, with what was added in the result, as earlier versions kept it too", async () => {
    const slug = await provisioned();
    const added = await run("addLaboratory", { slug, name: "Second", setupName: "default" });
    expect(added).toMatchObject({
      kind: "ADD_LABORATORY",
      state: "SUCCEEDED",
      result: {
        __typename: "LaboratoryResult",
        laboratoryId: expect.stringMatching(/./),
        laboratoryName: "Second",
        organizationName: "Acme",
        setupName: "default",
      },
    });
    const earlier = {
      laboratory: { id: "7", name: "Second" },
      organization: { id: "1", name: "Acme", setupName: "default" },
    };
    await world.platform.orm.em
      .fork()
      .nativeUpdate(OperationEntity, { id: added.id }, { result: earlier });
    expect((await administrator.ask(RESULT, { id: added.id })).operation.result).toEqual({
      __typename: "LaboratoryResult",
      laboratoryId: "7",
      laboratoryName: "Second",
      organizationName: "Acme",
      setupName: "default",
    });
    const twice = await run("addLaboratory", { slug, name: "Second" });
    expect(twice).toMatchObject({ state: "FAILED", error: { code: "E_LABORATORY_EXISTS" } });
    const seeded = await run("seedTenant", { slug, sets: ["extra"] });
    expect(seeded).toMatchObject({
      kind: "SEED",
      state: "SUCCEEDED",
      tenant: { seedSets: ["core", "extra"] },
      result: {
        sets: [
          { set: "core", rowsAdded: 0 },
          { set: "extra", rowsAdded: 1, tables: [{ table: "unit", rows: 1 }] },
        ],
      },
    });
  });

  test("whose schema keeps no snapshots is told so, and a hard refresh asks to be confirmed", async () => {
    const slug = await provisioned();
    const refreshed = await run("refreshSnapshots", { slug, targets: ["PATIENT"] });
    expect(refreshed).toMatchObject({ state: "FAILED", error: { code: "E_UNSUPPORTED" } });
    const hard = await act(administrator, "refreshSnapshots", { slug, hard: true });
    expect(hard).toMatchObject({ __typename: "RefusedError", code: "E_CONFIRMATION_REQUIRED" });
    const confirmed = await act(administrator, "refreshSnapshots", {
      slug,
      hard: true,
      confirm: true,
    });
    expect(confirmed.__typename).toBe("RefreshSnapshotsPayload");
  });

  test("is suspended and resumed", async () => {
    const slug = await provisioned();
    const suspended = await run("suspendTenant", { slug, reason: "unpaid" });
    expect(suspended).toMatchObject({
      state: "SUCCEEDED",
      tenant: { status: "SUSPENDED" },
      result: { __typename: "SuspensionResult", sessionsEnded: 0 },
    });
    const lab = await act(administrator, "addLaboratory", { slug, name: "Second" });
    expect(lab).toMatchObject({
      __typename: "RefusedError",
      code: "E_TENANT_NOT_ACTIVE",
      message: `Tenant '${slug}' is not active`,
    });
    const resumed = await run("resumeTenant", { slug });
    expect(resumed).toMatchObject({
      state: "SUCCEEDED",
      tenant: { status: "ACTIVE" },
      result: null,
    });
  });

  test("is offboarded and restored, and not purged while its window runs", async () => {
    const slug = await provisioned();
    const offboarded = await run("offboardTenant", { slug, retentionDays: 2 });
    expect(offboarded).toMatchObject({
      state: "SUCCEEDED",
      tenant: { status: "OFFBOARDED", offboardedFrom: "ACTIVE" },
      result: { __typename: "OffboardingResult", offboardedFrom: "ACTIVE", purge: false },
    });
    const left = Date.parse(offboarded.result.purgeAfter) - Date.now();
    expect(Math.round(left / 3_600_000)).toBe(48);
    expect(offboarded.tenant.purgeAfter).toBe(offboarded.result.purgeAfter);
    const purge = await act(administrator, "purgeTenant", { slug });
    expect(purge).toMatchObject({ __typename: "RefusedError", code: "E_RETENTION_RUNNING" });
    const restored = await run("restoreTenant", { slug });
    expect(restored).toMatchObject({
      tenant: { status: "ACTIVE", purgeAfter: null },
      result: { status: "ACTIVE" },
    });
  });

  test("is purged at once with a reason, unless it is locked, and tells what stood", async () => {
    const slug = await provisioned();
    const locked = await act(administrator, "lockTenant", { slug, reason: "legal hold" });
    expect(locked.tenant).toEqual({
      slug,
      lockedAt: expect.any(String),
      lockReason: "legal hold",
    });
    const input = { slug, immediately: true, reason: "asked for it" };
    for (const mutation of ["purgeTenant", "offboardTenant"]) {
      const refused = await act(
        administrator,
        mutation,
        mutation === "purgeTenant" ? input : { slug },
      );
      expect(refused).toMatchObject({ __typename: "RefusedError", code: "E_TENANT_LOCKED" });
      expect(refused.message).toContain("legal hold");
    }
    const unlocked = await act(administrator, "unlockTenant", { slug });
    expect(unlocked.tenant).toEqual({ slug, lockedAt: null, lockReason: null });
    const schema = `org_${slug.replaceAll("-", "_")}`;
    const purged = await run("purgeTenant", input);
    expect(purged).toMatchObject({
      state: "SUCCEEDED",
      tenant: { status: "PURGED" },
      result: {
        __typename: "PurgeResult",
        begun: true,
        people: { memberships: 1 },
        remaining: [],
        evidence: { server: "default", schema, tables: 4, secretName: `tenant-db-${slug}` },
      },
    });
    expect(await act(administrator, "resumeTenant", { slug })).toMatchObject({
      __typename: "RefusedError",
      code: "E_TENANT_NOT_FOUND",
      message: `Tenant slug '${slug}' not found`,
    });
  });

  test("that failed is cleaned up with all that remains, and one that did not is left alone", async () => {
    const [failed, active] = [await provisioned(), await provisioned()];
    const { orm } = world.platform;
    await orm.em
      .fork()
      .execute("update platform.tenant set status = 'FAILED' where slug = ?", [failed]);
    const refused = await act(administrator, "cleanupFailedTenants", { slug: active });
    expect(refused.results).toMatchObject([
      { slug: active, operation: null, error: { code: "E_TENANT_STATUS" } },
    ]);
    const { results } = await act(administrator, "cleanupFailedTenants", { dropSchema: true });
    expect(results).toMatchObject([{ slug: failed, operation: { kind: "CLEANUP" }, error: null }]);
    const cleaned = await ended(results[0].operation.id);
    expect(cleaned).toMatchObject({
      state: "SUCCEEDED",
      tenant: { status: "PURGED" },
      result: { __typename: "CleanupResult", dropSchema: true, remaining: [], unsearched: [] },
    });
    expect(cleaned.result.removed.map(({ kind }: { kind: string }) => kind).sort()).toEqual([
      ...["APP_ROLE", "OWNER_ROLE", "SCHEMA", "SECRET"],
    ]);
  });

  test("is healthy, or not, and the reason is told", async () => {
    const slug = await provisioned();
    const query = `query ($slug: String) {
      tenantHealth(slug: $slug) {
        tenant { slug } healthy findings { code message repair } operation { id }
      }
    }`;
    const look = async () => (await administrator.ask(query, { slug })).tenantHealth;
    expect(await look()).toEqual([
      { tenant: { slug }, healthy: true, findings: [], operation: null },
    ]);
    const { orm } = world.platform;
    await orm.em
      .fork()
      .execute("update platform.tenant set status = 'SUSPENDED' where slug = ?", [slug]);
    expect(await look()).toMatchObject([
      { healthy: false, findings: [{ code: "ROLE_CAN_LOGIN", repair: "SET_LOGIN" }] },
    ]);
    const { errors } = await administrator.send(query, { slug: "nobody" });
    expect(errors).toMatchObject([
      { message: "Tenant slug 'nobody' not found", extensions: { code: "E_TENANT_NOT_FOUND" } },
    ]);
  });
});

test("the schema tells the phases of every kind of operation", async () => {
  const query = '{ __type(name: "OperationKind") { enumValues { name description } } }';
  const { __type } = await administrator.ask(query);
  const told = __type.enumValues.map(
    ({ name, description }: { name: string; description: string }) => [
      name,
      description.split("Phases: ")[1],
    ],
  );
  const real = Object.values(CATALOG).map(({ kind, phases }) => [
    kind,
    `${phases.map(({ name }: { name: string }) => name).join(", ")}.`,
  ]);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(real));
});
