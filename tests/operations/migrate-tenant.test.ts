import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { MigrateInput } from "../../src/operations/migrate-tenant.ts";
import { startOnTenant } from "../../src/operations/parts/start-on-tenant.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";

const migrations = perFile(() => openFolder(SMALL.TENANT_MIGRATIONS_DIR));
const world = perFile(() =>
  openPlatform({ environment: { TENANT_MIGRATIONS_DIR: migrations.path }, worker: true }),
);

async function migrate(input: Partial<MigrateInput> & { slug: string }, dryRun = false) {
  const { platform } = world;
  const options = { dryRun, idempotencyKey: null };
  const { operation } = await startOnTenant(
    platform,
    OPERATOR,
    platform.operations.migrateTenant,
    input,
    options,
  );
  return await followToEnd(platform, operation.id);
}

const tenantOf = (slug: string) => tenantBySlug(world.platform.orm.em.fork(), slug);
const onTenants = (sql: string) =>
  asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) => client.query(sql));
const add = (name: string, sql: string) => writeFile(join(migrations.path, name), sql);

async function provisioned(): Promise<string> {
  const slug = freshSlug("migrate");
  const { operation } = await provision(world.platform, { slug });
  expect(operation.state).toBe("SUCCEEDED");
  return slug;
}

describe("migrating a tenant", () => {
  test("applies what is pending with an event for each file, and keeps the registry's version", async () => {
    const slug = await provisioned();
    await add("0010_extra.sql", "create table extra (id int);");
    await add("0011_more.sql", "create table more (id int);");
    const plan = await migrate({ slug }, true);
    expect(plan.operation.result).toMatchObject({
      pending: ["0010_extra", "0011_more"],
      version: "0003_samples",
    });
    expect((await tenantOf(slug)).schemaVersion).toBe("0003_samples");

    const first = await migrate({ slug, to: "0010_extra" });
    expect(first.operation.result).toMatchObject({ applied: ["0010_extra"] });
    const { operation, events } = await migrate({ slug });
    expect(operation).toMatchObject({
      state: "SUCCEEDED",
      result: { applied: ["0011_more"], version: "0011_more" },
    });
    const told = events.flatMap(({ body }) =>
      body.type === "PHASE_PROGRESS" ? [body.message] : [],
    );
    expect(told).toEqual([null, "0011_more"]);
    expect(await tenantOf(slug)).toMatchObject({
      schemaVersion: "0011_more",
      migrationsApplied: 5,
      status: "ACTIVE",
    });
    expect((await migrate({ slug })).operation.result).toMatchObject({ applied: [] });
  });

  test("keeps the files before the one that fails, and names file, line, SQLSTATE and message", async () => {
    const slug = await provisioned();
    await add("0020_good.sql", "create table good (id int);");
    await add("0021_bad.sql", "create table half (id int);\nselect 1 / 0;");
    const { operation } = await migrate({ slug });
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_MIGRATIONS_FAILED", phase: "MIGRATIONS_APPLIED" },
    });
    expect(operation.error?.message).toMatch(/0021_bad\.sql line 2: division by zero \(22012\)/);
    expect(await tenantOf(slug)).toMatchObject({ schemaVersion: "0020_good", status: "ACTIVE" });
    const schema = (await tenantOf(slug)).schemaName;
    const { rows } = await onTenants(
      `select to_regclass('${schema}.good') as good, to_regclass('${schema}.half') as half`,
    );
    expect(rows).toEqual([{ good: `${schema}.good`, half: null }]);
    await add("0021_bad.sql", "select 1;");
    expect((await migrate({ slug })).operation.state).toBe("SUCCEEDED");
  });

  test("refuses drift, naming the file", async () => {
    const slug = await provisioned();
    await onTenants(
      `update ${(await tenantOf(slug)).schemaName}.tenantry_migration set sha256 = 'x' where id = '0002_units'`,
    );
    const { operation } = await migrate({ slug });
    expect(operation.error).toMatchObject({
      code: "E_MIGRATION_DRIFT",
      phase: "MIGRATIONS_PLANNED",
    });
    expect(operation.error?.message).toContain("0002_units.sql was changed after it was applied");
  });

  test("creates a missing schema, and makes the tenant ACTIVE only when it is ready", async () => {
    const slug = await provisioned();
    const { id, schemaName } = await tenantOf(slug);
    await onTenants(`drop schema ${schemaName} cascade`);
    await world.platform.orm.em.fork().nativeUpdate(TenantEntity, { id }, { status: "FAILED" });
    const { operation } = await migrate({ slug });
    expect(operation.state).toBe("SUCCEEDED");
    const checks = (operation.result?.checks ?? []) as { name: string; passed: boolean }[];
    expect(checks.filter((check) => !check.passed).map((check) => check.name)).toEqual(["SEEDS"]);
    expect(operation.result).toMatchObject({ activated: false });
    expect((await tenantOf(slug)).status).toBe("FAILED");

    await world.platform.orm.em.fork().nativeUpdate(TenantEntity, { id }, { seedSets: [] });
    expect((await migrate({ slug })).operation.result).toMatchObject({ activated: true });
    expect((await tenantOf(slug)).status).toBe("ACTIVE");
  });

  test("leaves a suspended tenant suspended: its role cannot log in", async () => {
    const slug = await provisioned();
    const { platform } = world;
    const options = { dryRun: false, idempotencyKey: null };
    const suspended = await startOnTenant(
      platform,
      OPERATOR,
      platform.operations.suspendTenant,
      { slug },
      options,
    );
    await followToEnd(platform, suspended.operation.id);
    await add("0030_later.sql", "create table later (id int);");
    expect((await migrate({ slug })).operation).toMatchObject({
      state: "SUCCEEDED",
      result: { version: "0030_later" },
    });
    const { status, appRole } = await tenantOf(slug);
    expect(status).toBe("SUSPENDED");
    const { rows } = await onTenants(
      `select rolcanlogin from pg_roles where rolname = '${appRole}'`,
    );
    expect(rows).toEqual([{ rolcanlogin: false }]);
  });

  test("says so when the organization table is missing afterwards", async () => {
    const slug = await provisioned();
    const { schemaName } = await tenantOf(slug);
    await onTenants(`drop table ${schemaName}.organization cascade`);
    const { operation } = await migrate({ slug });
    expect(operation.error?.message).toBe(
      `Tenant migration completed but ${schemaName}.organization was not created`,
    );
  });

  test("refuses an unknown tenant and an unknown version", async () => {
    await expect(migrate({ slug: "nobody" })).rejects.toMatchObject({
      code: "E_TENANT_NOT_FOUND",
      message: "Tenant slug 'nobody' not found",
    });
    const slug = await provisioned();
    expect((await migrate({ slug, to: "9999_none" })).operation.error).toMatchObject({
      code: "E_VALIDATION",
    });
  });
});
