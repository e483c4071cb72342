import { describe, expect, test, vi } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import { runDoctor } from "../../src/operations/health/reconcile.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { updateTenant } from "../../src/operations/update-tenant.ts";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { type Tenant, TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";

const world = perFile(() => openPlatform({ worker: true }));

const em = () => world.platform.orm.em.fork();
const tenantOf = (slug: string) => tenantBySlug(em(), slug);
const onTenants = (sql: string) =>
  asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) => client.query(sql));
const set = ({ id }: Tenant, row: Partial<Tenant>) => em().nativeUpdate(TenantEntity, { id }, row);

async function provisioned(): Promise<Tenant> {
  const slug = freshSlug("health");
  expect((await provision(world.platform, { slug })).operation.state).toBe("SUCCEEDED");
  return await tenantOf(slug);
}

/** What is wrong with one tenant, as `CODE repair` lines. */
async function findingsOf(slug: string): Promise<string[]> {
  const [health] = await tenantHealth(world.platform, { slug });
  expect(health?.healthy).toBe(health?.findings.length === 0);
  return (health?.findings ?? []).map(({ code, repair }) => `${code} ${repair}`);
}

/** Lets the doctor mend a tenant; answers the kinds of operations that it took, ended. */
async function fix(slug: string): Promise<string[]> {
  const { started } = await runDoctor(world.platform, OPERATOR, { slug, fix: true });
  for (const { id } of started)
    expect((await followToEnd(world.platform, id)).operation.state).toBe("SUCCEEDED");
  return started.map(({ kind }) => kind);
}

async function suspend(slug: string) {
  const { platform } = world;
  const options = { dryRun: false, idempotencyKey: null };
  const { operation } = await startOnTenant(
    platform,
    OPERATOR,
    platform.operations.suspendTenant,
    { slug },
    options,
  );
  await followToEnd(platform, operation.id);
}

describe("a tenant's health", () => {
  test("is good after its provisioning, and after it was suspended", async () => {
    const { slug } = await provisioned();
    expect(await findingsOf(slug)).toEqual([]);
    await suspend(slug);
    expect(await findingsOf(slug)).toEqual([]);
  });

  test("shows a missing schema, which is made again and seeded behind it", async () => {
    const { slug, schemaName } = await provisioned();
    await onTenants(`drop schema ${schemaName} cascade`);
    expect(await findingsOf(slug)).toEqual(["SCHEMA_MISSING MIGRATE"]);
    expect(await fix(slug)).toEqual(["MIGRATE"]);
    expect(await findingsOf(slug)).toEqual(["SEEDS_MISSING SEED"]);
    expect(await fix(slug)).toEqual(["SEED"]);
    expect(await findingsOf(slug)).toEqual([]);
  });

  test("shows a schema without its organization, which is made as it was provisioned", async () => {
    const slug = freshSlug("health");
    const given = { name: "Acme Labs", initialLaboratory: "North", setupName: "main", slug };
    await provision(world.platform, { ...given, states: ["CA"], timeZone: "Europe/Berlin" });
    const { schemaName: schema } = await tenantOf(slug);
    await updateTenant(world.platform, OPERATOR, { slug, supportEmail: "help@acme.test" });
    const organizations = async () =>
      (
        await onTenants(`select o.name, o.slug, o.setup_name, o.states, o.time_zone, o.support_email,
          l.name as laboratory from ${schema}.organization o
          left join ${schema}.laboratory l on l.organization_id = o.id`)
      ).rows;
    const whole = {
      name: "Acme Labs",
      slug,
      setup_name: "main",
      laboratory: "North",
      states: ["CA"],
      time_zone: "Europe/Berlin",
      support_email: "help@acme.test",
    };
    await onTenants(`drop schema ${schema} cascade`);
    expect(await fix(slug)).toEqual(["MIGRATE"]);
    expect(await organizations()).toEqual([whole]);
    await onTenants(`truncate ${schema}.organization cascade`);
    expect(await findingsOf(slug)).toContain("ORGANIZATION_MISSING MIGRATE");
    const options = { dryRun: false, idempotencyKey: null };
    const { migrateTenant } = world.platform.operations;
    const migrate = async () => {
      const started = startOnTenant(world.platform, OPERATOR, migrateTenant, { slug }, options);
      await followToEnd(world.platform, (await started).operation.id);
    };
    await migrate();
    expect(await organizations()).toEqual([whole]);
    await onTenants(
      `delete from ${schema}.laboratory; update ${schema}.organization set name = 'X'`,
    );
    const [health] = await tenantHealth(world.platform, { slug });
    const missing = health?.findings.find(({ code }) => code === "ORGANIZATION_MISSING");
    expect(missing).toMatchObject({ repair: null });
    expect(missing?.message).toContain(`tenant add-lab --slug ${slug}`);
    await migrate();
    expect(await organizations()).toEqual([{ ...whole, name: "X", laboratory: null }]);
  });

  test("is not ready without an organization, and says so when it is to be activated", async () => {
    const tenant = await provisioned();
    await onTenants(`truncate ${tenant.schemaName}.organization cascade`);
    await set(tenant, { status: "FAILED", failureCode: "E_INTERNAL", failureMessage: "planned" });
    const { activateTenant } = world.platform.operations;
    const { operation } = await startOnTenant(
      ...([world.platform, OPERATOR, activateTenant, { slug: tenant.slug }] as const),
      { dryRun: false, idempotencyKey: null },
    );
    expect((await followToEnd(world.platform, operation.id)).operation.error).toMatchObject({
      code: "E_TENANT_NOT_READY",
      message: expect.stringContaining("has no organization"),
    });
  });

  test("shows a login that contradicts the status, and sets it", async () => {
    const { slug, appRole } = await provisioned();
    await onTenants(`alter role ${appRole} nologin`);
    expect(await findingsOf(slug)).toEqual(["ROLE_CANNOT_LOGIN SET_LOGIN"]);
    expect(await fix(slug)).toEqual([]);
    expect(await findingsOf(slug)).toEqual([]);
    await suspend(slug);
    await onTenants(`alter role ${appRole} login`);
    expect(await findingsOf(slug)).toEqual(["ROLE_CAN_LOGIN SET_LOGIN"]);
    await fix(slug);
    expect(await findingsOf(slug)).toEqual([]);
  });

  test("has its login set while nothing of the platform waits for the secret store", async () => {
    const { slug, appRole } = await provisioned();
    await onTenants(`alter role ${appRole} nologin`);
    const { secrets, databaseUrl } = world.platform;
    const locked: string[] = [];
    const { get } = secrets;
    const asked = vi.spyOn(secrets, "get").mockImplementation(async (name, version) => {
      await asSuperuser(databaseUrl, (client) =>
        client.query("select from platform.tenant where slug = $1 for update nowait", [slug]),
      ).catch(() => locked.push(name));
      return await get.call(secrets, name, version);
    });
    try {
      await fix(slug);
      expect(asked.mock.calls.map(([name]) => name)).toContain("db-server-default");
    } finally {
      asked.mockRestore();
    }
    expect(locked).toEqual([]);
    expect(await findingsOf(slug)).toEqual([]);
  });

  test("shows a missing secret, which is made again, and a missing role, which is not", async () => {
    const { slug, secretName, appRole } = await provisioned();
    await world.platform.secrets.purge(secretName);
    expect(await findingsOf(slug)).toEqual(["SECRET_MISSING MIGRATE"]);
    expect(await fix(slug)).toEqual(["MIGRATE"]);
    await onTenants(`drop owned by ${appRole} cascade; drop role ${appRole}`);
    expect(await findingsOf(slug)).toEqual(["ROLE_MISSING null"]);
    expect(await fix(slug)).toEqual([]);
  });

  test("shows a registry that says another version than the ledger", async () => {
    const tenant = await provisioned();
    await set(tenant, { schemaVersion: "0002_units" });
    expect(await findingsOf(tenant.slug)).toEqual(["VERSION_MISMATCH MIGRATE"]);
    expect(await fix(tenant.slug)).toEqual(["MIGRATE"]);
    expect((await tenantOf(tenant.slug)).schemaVersion).toBe("0003_samples");
    expect(await findingsOf(tenant.slug)).toEqual([]);
  });

  test("shows what remains of a tenant that failed, and removes nothing unasked", async () => {
    const tenant = await provisioned();
    await set(tenant, { status: "FAILED", dbServerId: null, databaseName: null });
    const [health] = await tenantHealth(world.platform, { slug: tenant.slug });
    expect(health?.findings).toMatchObject([{ code: "LEFTOVERS", repair: "CLEANUP" }]);
    for (const name of [tenant.schemaName, tenant.ownerRole, tenant.appRole, tenant.secretName])
      expect(health?.findings[0]?.message).toContain(name);
    expect(await fix(tenant.slug)).toEqual([]);
    expect(await findingsOf(tenant.slug)).toEqual(["LEFTOVERS CLEANUP"]);
    await set(tenant, { status: "PURGED" });
    const all = await tenantHealth(world.platform);
    expect(all.find((each) => each.tenant?.id === tenant.id)?.findings).toMatchObject([
      { code: "LEFTOVERS", repair: null },
    ]);
  });

  test("shows a tenant that nothing provisions any more, and marks it as failed", async () => {
    const tenant = await provisioned();
    await set(tenant, { status: "PROVISIONING" });
    expect(await findingsOf(tenant.slug)).toEqual(["PROVISIONING_STUCK MARK_FAILED"]);
    await fix(tenant.slug);
    expect(await tenantOf(tenant.slug)).toMatchObject({
      status: "FAILED",
      failureCode: "E_OPERATION_LOST",
    });
  });

  test("shows a retention window that has ended, and a purge that broke off", async () => {
    const tenant = await provisioned();
    const purgeAfter = new Date(Date.now() - 3_600_000);
    await suspend(tenant.slug);
    await set(tenant, { status: "OFFBOARDED", offboardedFrom: "ACTIVE", purgeAfter });
    expect(await findingsOf(tenant.slug)).toEqual(["RETENTION_ENDED PURGE"]);
    await set(tenant, { offboardedFrom: null });
    expect(await findingsOf(tenant.slug)).toEqual(["PURGE_UNFINISHED PURGE"]);
    expect(await fix(tenant.slug)).toEqual([]);
  });

  test("shows both app roles of a tenant that no row explains", async () => {
    const tenant = await provisioned();
    const { slug, appRole, schemaName } = tenant;
    const options = { dryRun: false, idempotencyKey: null };
    const { rotateCredentials } = world.platform.operations;
    const started = startOnTenant(world.platform, OPERATOR, rotateCredentials, { slug }, options);
    await followToEnd(world.platform, (await started).operation.id);
    const stranger = newId();
    const things = [`schema ${schemaName}`];
    for (const role of [`${schemaName}_owner`, appRole, `${appRole}_b`])
      things.push(`role ${role}`);
    for (const thing of things)
      await onTenants(`comment on ${thing} is 'tenantry:tenant=${stranger}'`);
    const all = await tenantHealth(world.platform);
    const orphans = all.filter(({ tenant }) => tenant === null).flatMap(({ findings }) => findings);
    const told = orphans.map(({ message }) => message).filter((each) => each.includes(stranger));
    expect(told).toEqual([
      expect.stringContaining(` were made for tenant ${stranger}, which is unknown`),
    ]);
    for (const thing of things) expect(told[0]).toContain(thing);
    await set(tenant, { status: "PURGED" });
  });

  test("shows what no tenant explains, and leaves it alone", async () => {
    const name = `org_${freshSlug("stray").replaceAll("-", "_")}`;
    const stranger = newId();
    await onTenants(`create schema ${name};
      comment on schema ${name} is 'tenantry:tenant=${stranger}'`);
    const report = await runDoctor(world.platform, OPERATOR, { fix: true });
    const orphans = report.findings
      .filter(({ tenant }) => tenant === null)
      .flatMap(({ findings }) => findings);
    expect(orphans.map(({ message }) => message)).toContain(
      `The schema ${name} was made for tenant ${stranger}, which is unknown`,
    );
    const { rowCount } = await onTenants(`drop schema ${name}`);
    expect(rowCount).toBeNull();
  });

  test("shows a server that does not answer to its own tenants alone", async () => {
    const [here, there] = [await provisioned(), await provisioned()];
    const { id: _, ...server } = await em().findOneOrFail(DbServerEntity, { name: "default" });
    const id = newId();
    await em().insert(DbServerEntity, { ...server, id, name: "away", port: 1 });
    await set(there, { dbServerId: id });
    const all = await tenantHealth(world.platform);
    const of = (tenant: Tenant) => all.find((each) => each.tenant?.id === tenant.id)?.findings;
    expect(of(here)).toEqual([]);
    expect(of(there)).toMatchObject([
      { code: "SERVER_UNREACHABLE", repair: null },
      // Where it lay before.
      { code: "LEFTOVERS", repair: null },
    ]);
    await em().nativeUpdate(TenantEntity, { id: there.id }, { dbServerId: here.dbServerId });
    await em().nativeDelete(DbServerEntity, { id });
  });

  test("is refused for a slug that no tenant has", async () => {
    await expect(tenantHealth(world.platform, { slug: "nobody" })).rejects.toMatchObject({
      code: "E_TENANT_NOT_FOUND",
    });
  });
});
