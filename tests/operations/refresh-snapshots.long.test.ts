import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openServerPools } from "../../src/database/server-pools.ts";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { type RefreshInput, refreshSnapshotsBy } from "../../src/operations/refresh-snapshots.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { serverConnections } from "../../src/placement/server-connections.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { planFailure } from "../kit/plan-failure.ts";
import { BUNDLED, openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";
import { fillRecords } from "../snapshots/records.ts";

const TABLES = ["patient", "analysis_request", "sample", "analysis_result"] as const;

const pools = openServerPools();
let slug: string;

const failure = planFailure({ times: 2 });
const world = perFile(() => openPlatform({ environment: BUNDLED }));
beforeAll(async () => {
  const { platform } = world;
  const ports = {
    ...platform,
    servers: serverConnections(pools, platform.secrets),
    appPasswords: { of: () => "" },
    schemaPrefix: "org_",
    secretNameTemplate: "",
    limits: platform.config.tenantLimits,
    migrations: settingsFor(""),
    seeds: { dir: "", home: "public" },
  };
  const small = refreshSnapshotsBy(4).open(ports);
  await world.startWorker(failure, { instead: small });
  slug = freshSlug("snap");
  const { operation } = await provision(platform, { slug, seeds: [] });
  expect(operation.state).toBe("SUCCEEDED");
  await inTenant("select 1", (client) => fillRecords(client, 10));
});
beforeEach(async () => {
  for (const table of TABLES)
    await inTenant(`update ${table} set metadata_snapshot = null, snapshot_at = null`);
});
afterAll(() => pools.close());

/** Runs SQL in the tenant's schema, past the platform. */
async function inTenant(sql: string, work?: (client: Client) => Promise<void>) {
  const { schemaName } = await tenantBySlug(world.platform.orm.em.fork(), slug);
  return await asSuperuser(`${world.platform.databaseUrl}_tenants`, async (client) => {
    await client.query(`set search_path = ${schemaName}`);
    const { rows } = await client.query(sql);
    await work?.(client);
    return rows;
  });
}

async function touched(): Promise<number[]> {
  const counts = TABLES.map(
    (table) => `(select count(*)::int from ${table} where snapshot_at is not null)`,
  );
  const [row] = await inTenant(`select array[${counts.join(", ")}] as counts`);
  return row?.counts;
}

async function refresh(input: Partial<RefreshInput> = {}, dryRun = false) {
  const { platform } = world;
  const { operation } = await startOnTenant(
    platform,
    OPERATOR,
    platform.operations.refreshSnapshots,
    { slug, ...input },
    { dryRun, idempotencyKey: null },
  );
  return await followToEnd(platform, operation.id);
}

const row = (target: string, rows: number, total: number | null = rows) => ({
  target,
  total,
  rows,
  skipped: null,
});

describe("refreshing snapshots", () => {
  test("touches what belongs to samples in state RECEIVED, and shows how far it is", async () => {
    const planned = await refresh({}, true);
    expect(planned.operation.result).toMatchObject({ targets: [row("PATIENT", 0, 5), {}, {}, {}] });
    expect(await touched()).toEqual([0, 0, 0, 0]);

    const { operation, events } = await refresh();
    expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
    expect(operation.result).toEqual({
      hard: false,
      targets: ["PATIENT", "ANALYSIS_REQUEST", "SAMPLE", "ANALYSIS_RESULT"].map((target) =>
        row(target, 5),
      ),
    });
    expect(await touched()).toEqual([5, 5, 5, 5]);
    const told = events.flatMap(({ body }) =>
      body.type === "PHASE_PROGRESS" && body.phase === "SAMPLES"
        ? [`${body.completed}/${body.total}`]
        : [],
    );
    expect([...new Set(told)]).toEqual(["0/5", "4/5", "5/5"]);
  });

  test("touches every row when it is hard, once that is confirmed", async () => {
    await expect(refresh({ hard: true })).rejects.toMatchObject({
      code: "E_CONFIRMATION_REQUIRED",
    });
    const planned = await refresh({ hard: true }, true);
    expect(planned.operation.result).toMatchObject({
      targets: [row("PATIENT", 0, 10), {}, {}, {}],
    });
    const { operation } = await refresh({ hard: true, confirm: true });
    expect(operation.result).toMatchObject({
      hard: true,
      targets: [row("PATIENT", 10), {}, {}, {}],
    });
    expect(await touched()).toEqual([10, 10, 10, 10]);
    const facts = await world.platform.orm.em
      .fork()
      .execute(
        "select detail from platform.audit_event where type = 'SNAPSHOTS_REFRESHED' and operation_id = ?",
        [operation.id],
      );
    expect(facts).toMatchObject([{ detail: { hard: true, rows: 40 } }]);
  });

  test("leaves out the targets that were not asked for", async () => {
    const { operation, events } = await refresh({ targets: ["SAMPLE"] });
    expect(operation.result).toMatchObject({ targets: [row("SAMPLE", 5)] });
    expect(await touched()).toEqual([0, 0, 5, 0]);
    const notes = events.flatMap(({ body }) =>
      body.type === "PHASE_STATE" && body.state === "SKIPPED"
        ? [`${body.phase}: ${body.note}`]
        : [],
    );
    expect(notes).toEqual(
      ["PATIENTS", "ANALYSIS_REQUESTS", "ANALYSES"].map((name) => `${name}: it was not asked for`),
    );
    await expect(refresh({ targets: [] })).rejects.toMatchObject({ code: "E_VALIDATION" });
  });

  test.each([
    ["ROWS_COUNTED", [0, 0, 0, 0]],
    ["PATIENTS", [5, 0, 0, 0]],
    ["ANALYSIS_REQUESTS", [5, 5, 0, 0]],
    ["SAMPLES", [5, 5, 5, 0]],
    ["ANALYSES", [5, 5, 5, 5]],
    ["REGISTERED", [5, 5, 5, 5]],
  ])("keeps what was done when %s fails, and can be asked again", async (phase, counts) => {
    failure.at = phase;
    const { operation } = await refresh();
    expect(operation).toMatchObject({ state: "FAILED", error: { phase, code: "E_INTERNAL" } });
    expect(await touched()).toEqual(counts);
    failure.at = null;
    expect((await refresh()).operation.state).toBe("SUCCEEDED");
    expect(await touched()).toEqual([5, 5, 5, 5]);
  });

  test("refuses a tenant that is unknown or not active", async () => {
    await expect(refresh({ slug: "nobody" })).rejects.toMatchObject({ code: "E_TENANT_NOT_FOUND" });
    const em = world.platform.orm.em.fork();
    await em.nativeUpdate(TenantEntity, { slug }, { status: "SUSPENDED" });
    await expect(refresh()).rejects.toMatchObject({
      code: "E_TENANT_NOT_ACTIVE",
      message: `Tenant '${slug}' is not active`,
    });
    await em.nativeUpdate(TenantEntity, { slug }, { status: "ACTIVE" });
  });

  test("skips what a schema does not keep, and refuses one that keeps nothing", async () => {
    await inTenant("alter table analysis_result drop column snapshot_at cascade");
    const { operation, events } = await refresh();
    expect(operation.state).toBe("SUCCEEDED");
    expect(operation.result).toMatchObject({
      targets: [{}, {}, {}, { target: "ANALYSIS_RESULT", total: null, rows: 0 }],
    });
    const skips = events.flatMap(({ body }) =>
      body.type === "PHASE_STATE" && body.state === "SKIPPED" ? [body.phase] : [],
    );
    expect(skips).toEqual(["ANALYSES"]);
    expect(JSON.stringify(operation.result)).toMatch(/snapshot_at.* does not exist/);
    await inTenant("drop table sample_type cascade; drop table client cascade");
    const { operation: refused } = await refresh();
    expect(refused.error).toMatchObject({ code: "E_UNSUPPORTED", phase: "ROWS_COUNTED" });
    expect(refused.error?.message).toContain('relation "client" does not exist');
  });
});
