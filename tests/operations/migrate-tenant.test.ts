import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { followEvents } from "../../src/operations/engine/follow.ts";
import { OperationPhaseEntity } from "../../src/operations/engine/operation.entity.ts";
import type { MigrateInput } from "../../src/operations/migrate-tenant.ts";
import { cancelOperation } from "../../src/operations/retry-and-cancel.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug, untilBlocked } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision, provisionRequest } from "../kit/tenants.ts";

const migrations = perFile(() => openFolder(SMALL.TENANT_MIGRATIONS_DIR));
const world = perFile(() =>
  openPlatform({ environment: { TENANT_MIGRATIONS_DIR: migrations.path }, worker: true }),
);

async function start(input: Partial<MigrateInput> & { slug: string }, dryRun = false) {
  const { platform } = world;
  const options = { dryRun, idempotencyKey: null };
  const definition = platform.operations.migrateTenant;
  return await startOnTenant(platform, OPERATOR, definition, input, options);
}

const migrate = async (...args: Parameters<typeof start>) =>
  await followToEnd(world.platform, (await start(...args)).operation.id);

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

/** A superuser's session on the tenants' database. */
async function session(sql: string) {
  const client = new pg.Client({ connectionString: `${world.platform.databaseUrl}_tenants` });
  await client.connect();
  await client.query(sql);
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

/** Starts a migration, and answers when a statement of it waits for the table `sample`. */
async function standingStill(slug: string) {
  const { schemaName } = await tenantOf(slug);
  const blocker = await session(`begin; lock table ${schemaName}.sample`);
  const { operation } = await start({ slug });
  await untilBlocked(`${world.platform.databaseUrl}_tenants`);
  return { id: operation.id, goOn: () => blocker.client.end() };
}

/** What an operation, its journal, the tenant's ledger and the registry say of one phase, side by side. */
async function saidOf(operationId: string, slug: string) {
  const { operation, events } = await followToEnd(world.platform, operationId);
  const { schemaName, schemaVersion, migrationsApplied } = await tenantOf(slug);
  const { rows } = await onTenants(
    `select id from ${schemaName}.tenantry_migration order by applied_at, id`,
  );
  const phase = await world.platform.orm.em
    .fork()
    .findOneOrFail(OperationPhaseEntity, { operationId, name: "MIGRATIONS_APPLIED" });
  const ofPhase = events.flatMap(({ body }) =>
    body.type !== "OPERATION_STATE" && body.phase === phase.name ? [body] : [],
  );
  const completed = ofPhase.flatMap((body) => ("completed" in body ? [body.completed] : []));
  expect(completed).toEqual(completed.toSorted((one, other) => one - other));
  const attempts = ofPhase.flatMap((body) => ("attempt" in body ? [body.attempt] : []));
  expect(attempts.at(-1) ?? 1).toBe(Math.max(1, phase.attempt));
  const ledger = rows.map(({ id }) => id as string);
  const [version, count] = [ledger.at(-1), ledger.length];
  expect(operation.result).toMatchObject(
    operation.kind === "PROVISION"
      ? { summary: { schemaVersion: version, migrationsApplied: count } }
      : { version, migrations: count },
  );
  expect([schemaVersion, migrationsApplied]).toEqual([version, count]);
  const { applied } = operation.result as { applied: string[] };
  return { operation, ledger, applied, phase, attempts };
}

describe("what a migration says is what the database holds", () => {
  const FILES = {
    "0015_a": "create table a (id int);",
    "0016_b": "alter table sample add column b int;",
    "0017_c": "create table c (id int);",
  };
  const ids = Object.keys(FILES);
  afterEach(() => Promise.all(ids.map((id) => rm(join(migrations.path, `${id}.sql`)))));

  async function behind(files: Partial<typeof FILES> = {}): Promise<string> {
    const slug = await provisioned();
    for (const [id, sql] of Object.entries({ ...FILES, ...files })) await add(`${id}.sql`, sql);
    return slug;
  }

  test("where a file fails, and where the next operation is refused while it plans", async () => {
    const slug = await behind({ "0017_c": "select 1 / 0;" });
    const { id } = (await migrate({ slug })).operation;
    const failed = await saidOf(id, slug);
    expect(failed).toMatchObject({
      operation: { state: "FAILED" },
      applied: ["0015_a", "0016_b"],
      phase: { state: "FAILED", completed: 2, total: 3, attempt: 1 },
    });
    await add("0016_b.sql", "select 'edited';");
    const refused = await saidOf((await migrate({ slug })).operation.id, slug);
    expect(refused).toMatchObject({
      operation: { error: { code: "E_MIGRATION_DRIFT" }, result: { version: "0016_b" } },
      applied: [],
    });
    const dry = await migrate({ slug }, true);
    expect(dry.operation.result).toMatchObject({ version: "0016_b", pending: [] });
  });

  test("where the connection is lost between two files, and it is tried again", async () => {
    const slug = await behind();
    const { id, goOn } = await standingStill(slug);
    await onTenants(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`);
    await goOn();
    expect(await saidOf(id, slug)).toMatchObject({
      operation: { state: "SUCCEEDED" },
      applied: ids,
      phase: { completed: 3, total: 3, attempt: 2 },
      attempts: [1, 2, 2],
    });
  });

  test("where it is cancelled between two files", async () => {
    const slug = await behind();
    const { id, goOn } = await standingStill(slug);
    await cancelOperation(world.platform, OPERATOR, id);
    await goOn();
    expect(await saidOf(id, slug)).toMatchObject({
      operation: { state: "CANCELLED" },
      applied: ids,
      phase: { completed: 3, total: 3 },
    });
  });

  test("also of a provisioning that begins them again", async () => {
    for (const [id, sql] of Object.entries(FILES)) await add(`${id}.sql`, sql);
    await add("0016_b.sql", "select pg_advisory_xact_lock(4711);");
    const slug = freshSlug("again");
    const holder = await session("select pg_advisory_lock(4711)");
    const options = { dryRun: false, idempotencyKey: null };
    const request = provisionRequest({ slug });
    const { operation } = await startOnTenant(
      world.platform,
      OPERATOR,
      world.platform.operations.provisionTenant,
      request,
      options,
    );
    await untilBlocked(`${world.platform.databaseUrl}_tenants`);
    await onTenants(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`);
    await holder.client.end();
    const { phase, attempts, ledger } = await saidOf(operation.id, slug);
    expect(ledger).toHaveLength(6);
    expect(phase).toMatchObject({ state: "SUCCEEDED", completed: 6, total: 6, attempt: 2 });
    expect(attempts).toEqual([1, 2, 2]);
  });

  test("while an index waits for somebody else's transaction, whose it is", async () => {
    const slug = await behind({
      "0016_b": "select 1;\ncreate index concurrently b on sample (id);",
    });
    const reader = await session(
      "set application_name = 'a dump'; begin isolation level repeatable read",
    );
    const { rows } = await reader.client.query(
      "select pg_backend_pid() as pid, current_user as who",
    );
    const { operation } = await start({ slug });
    for await (const { body } of followEvents(world.platform, operation.id, 0)) {
      const waits = body.type === "PHASE_PROGRESS" && body.message?.includes(" waits for ");
      if (!waits) continue;
      expect(body).toMatchObject({ completed: 1, total: 3 });
      const database = `${new URL(world.platform.databaseUrl).pathname.slice(1)}_tenants`;
      expect(body.message).toMatch(
        new RegExp(
          `^0016_b.sql line 2 waits for the end of a transaction that began before it: process ${rows[0].pid} \\(user ${rows[0].who}, database ${database}, application a dump, idle in transaction, since 20\\S+Z\\)$`,
        ),
      );
      await reader.client.end();
    }
    expect(await saidOf(operation.id, slug)).toMatchObject({
      operation: { state: "SUCCEEDED" },
      applied: ids,
    });
  });

  test("where a schema is made anew: in one transaction, CONCURRENTLY left out", async () => {
    const slug = await behind({ "0016_b": "create index concurrently b on sample (id);" });
    const { schemaName } = await tenantOf(slug);
    await onTenants(`drop schema ${schemaName} cascade`);
    // Whoever builds an index CONCURRENTLY would wait for this snapshot.
    await using _reader = await session("begin isolation level repeatable read; select 1");
    const { id } = (await migrate({ slug })).operation;
    const { applied, ledger } = await saidOf(id, slug);
    expect(applied).toEqual(ledger);
    const { rows } = await onTenants(
      `select count(distinct xmin::text)::int as n from ${schemaName}.tenantry_migration`,
    );
    expect(rows).toEqual([{ n: 1 }]);
  });
});

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
    const { operation } = await migrate({ slug });
    expect(operation).toMatchObject({ state: "SUCCEEDED", result: { version: "0030_later" } });
    expect(operation.result?.checks).toContainEqual(
      expect.objectContaining({
        name: "ROLE_LOGIN",
        passed: true,
        message: expect.stringContaining("closed"),
      }),
    );
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
