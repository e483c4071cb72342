import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { planFailure } from "../kit/plan-failure.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";

const seeds = perFile(() => openFolder());
const failure = planFailure();
const world = perFile(() =>
  openPlatform({ environment: { TENANT_SEEDS_DIR: seeds.path }, worker: failure }),
);

beforeEach(async () => {
  await rm(seeds.path, { recursive: true });
  await cp(SMALL.TENANT_SEEDS_DIR, seeds.path, { recursive: true });
});

async function seed(slug: string, sets: string[], dryRun = false) {
  const { platform } = world;
  const { operation } = await startOnTenant(
    platform,
    OPERATOR,
    platform.operations.seedTenant,
    { slug, sets },
    { dryRun, idempotencyKey: null },
  );
  const ended = await followToEnd(platform, operation.id);
  const told = ended.events.flatMap(({ body }) =>
    body.type === "PHASE_PROGRESS" ? [`${body.completed}/${body.total} ${body.message}`] : [],
  );
  return { operation: ended.operation, told };
}

const tenantOf = (slug: string) => tenantBySlug(world.platform.orm.em.fork(), slug);
const onTenants = (sql: string) =>
  asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) => client.query(sql));

async function unitsOf(slug: string): Promise<string[]> {
  const { schemaName } = await tenantOf(slug);
  const { rows } = await onTenants(`select code from ${schemaName}.unit order by code collate "C"`);
  return rows.map(({ code }) => code);
}

async function add(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(seeds.path, path)), { recursive: true });
  await writeFile(join(seeds.path, path), content);
}

/** A tenant without any seed. */
async function provisioned(): Promise<string> {
  const slug = freshSlug("seed");
  const { operation } = await provision(world.platform, { slug, seeds: [] });
  expect(operation.state).toBe("SUCCEEDED");
  expect(await unitsOf(slug)).toEqual([]);
  return slug;
}

describe("seeding a tenant", () => {
  test("adds a set after what it depends on, with an event and row counts for each", async () => {
    const slug = await provisioned();
    const planned = await seed(slug, ["extra"], true);
    expect(planned.operation.result).toEqual({ planned: ["core", "extra"], sets: [] });
    expect(await unitsOf(slug)).toEqual([]);

    const { operation, told } = await seed(slug, ["extra"]);
    expect(operation.result).toEqual({
      sets: [
        { set: "core", rowsAdded: 2, tables: [{ table: "unit", rows: 2 }] },
        { set: "extra", rowsAdded: 1, tables: [{ table: "unit", rows: 1 }] },
      ],
    });
    expect(told).toEqual([
      "0/2 null",
      "1/2 core: 2 rows added (unit 2)",
      "2/2 extra: 1 row added (unit 1)",
    ]);
    expect(await unitsOf(slug)).toEqual(["L", "g", "mol"]);
    expect((await tenantOf(slug)).seedSets).toEqual(["core", "extra"]);
    const facts = await world.platform.orm.em
      .fork()
      .execute(
        "select detail from platform.audit_event where type = 'TENANT_SEEDED' and operation_id = ?",
        [operation.id],
      );
    expect(facts).toEqual([{ detail: { sets: ["core", "extra"], rowsAdded: 3 } }]);
  });

  test("adds only what is absent", async () => {
    const slug = await provisioned();
    await seed(slug, ["core"]);
    const { schemaName } = await tenantOf(slug);
    await onTenants(
      `delete from ${schemaName}.unit where code = 'g'; update ${schemaName}.unit set name = 'ours'`,
    );
    const { operation } = await seed(slug, ["core"]);
    expect(operation.result).toMatchObject({ sets: [{ set: "core", rowsAdded: 1 }] });
    const again = await seed(slug, ["core"]);
    expect(again.operation.result).toMatchObject({ sets: [{ set: "core", rowsAdded: 0 }] });
    expect(again.told.at(-1)).toBe("1/1 core: nothing was absent");
    const { rows } = await onTenants(`select name from ${schemaName}.unit where code = 'L'`);
    expect(rows).toEqual([{ name: "ours" }]);
    expect((await tenantOf(slug)).seedSets).toEqual(["core"]);
  });

  test("knows a set that a user added as a folder, by its name and among all", async () => {
    const slug = await provisioned();
    await add(
      "our-units/0001_bushel.sql",
      "insert into unit (code, name) values ('bu', 'bushel') on conflict do nothing;",
    );
    await add("our-units/seed.json", '{ "dependsOn": ["extra"] }');
    const { operation } = await seed(slug, ["our-units"]);
    expect(operation.result).toMatchObject({
      sets: [{ set: "core" }, { set: "extra" }, { set: "our-units", rowsAdded: 1 }],
    });
    expect(await unitsOf(slug)).toEqual(["L", "bu", "g", "mol"]);
    const other = await provisioned();
    await seed(other, ["all"]);
    expect((await tenantOf(other)).seedSets).toEqual(["core", "extra", "our-units"]);
  });

  test("names the sets it knows when it is asked for another", async () => {
    const slug = await provisioned();
    expect((await seed(slug, ["core", "nonsense"])).operation.error).toMatchObject({
      code: "E_SEED_SET_NOT_FOUND",
      phase: "SETS_RESOLVED",
      message: "Seed set 'nonsense' not found; known sets: core, extra",
    });
    expect(await unitsOf(slug)).toEqual([]);
    await expect(seed(slug, [])).rejects.toMatchObject({ code: "E_VALIDATION" });
    await expect(seed("nobody", ["core"])).rejects.toMatchObject({ code: "E_TENANT_NOT_FOUND" });
  });

  test("keeps the sets before the one that fails, and names file, line and SQLSTATE", async () => {
    const slug = await provisioned();
    await add(
      "zz/0001_bad.sql",
      "insert into unit (code, name) values ('x', 'x') on conflict do nothing;\ninsert into unit (code, name) values (null, 'y') on conflict do nothing;",
    );
    const { operation, told } = await seed(slug, ["core", "zz"]);
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_SEEDS_FAILED", phase: "SEEDS_APPLIED" },
    });
    expect(operation.error?.message).toMatch(/^zz\/0001_bad\.sql line 2: .* \(23502\)$/);
    expect(told).toEqual(["0/2 null", "1/2 core: 2 rows added (unit 2)"]);
    expect(await unitsOf(slug)).toEqual(["L", "g"]);
    expect((await tenantOf(slug)).seedSets).toEqual([]);
    await add("zz/0001_bad.sql", "");
    expect((await seed(slug, ["core", "zz"])).operation.state).toBe("SUCCEEDED");
  });

  test.each(["SETS_RESOLVED", "SEEDS_APPLIED", "REGISTERED"])(
    "leaves the registry as it was when %s fails, and can be asked again",
    async (phase) => {
      const slug = await provisioned();
      failure.at = phase;
      const { operation } = await seed(slug, ["core"]);
      expect(operation).toMatchObject({ state: "FAILED", error: { phase } });
      expect((await tenantOf(slug)).seedSets).toEqual([]);
      failure.at = null;
      expect((await seed(slug, ["core"])).operation.state).toBe("SUCCEEDED");
      expect(await unitsOf(slug)).toEqual(["L", "g"]);
    },
  );

  test("has nothing to do in an empty folder, and refuses a schema that is not there", async () => {
    const slug = await provisioned();
    await rm(join(seeds.path, "extra"), { recursive: true });
    await rm(join(seeds.path, "core"), { recursive: true });
    expect((await seed(slug, ["all"])).operation).toMatchObject({
      state: "SUCCEEDED",
      result: { sets: [] },
    });
    const { schemaName } = await tenantOf(slug);
    await onTenants(`drop schema ${schemaName} cascade`);
    expect((await seed(slug, ["all"])).operation.error).toMatchObject({
      code: "E_TENANT_NOT_READY",
    });
    const em = world.platform.orm.em.fork();
    await em.nativeUpdate(TenantEntity, { slug }, { status: "SUSPENDED" });
    await expect(seed(slug, ["core"])).rejects.toMatchObject({ code: "E_TENANT_NOT_ACTIVE" });
  });
});
