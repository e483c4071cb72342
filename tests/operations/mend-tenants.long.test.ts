import { expect, test } from "vitest";
import { askForRemedies, readRemedies } from "../../src/cli/tenant/doctor-remedies.ts";
import type { EntityManager } from "../../src/database/orm.ts";
import { removePeople } from "../../src/invitations/remove-people.ts";
import type { Repair } from "../../src/operations/health/finding.ts";
import { viewsOf } from "../../src/operations/health/finding.ts";
import { runDoctor } from "../../src/operations/health/reconcile.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import type { Isolation } from "../../src/tenants/names.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR } from "../kit/tenants.ts";
import { Life } from "./_life.ts";

const world = perFile(() => openPlatform({ worker: true }));
const life = new Life({
  get platform() {
    return world.platform;
  },
});

const onServer = (sql: string) =>
  asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) => client.query(sql));

/** As a registry does that was restored from a dump which is older than the tenant. */
async function forget(slug: string): Promise<string> {
  const { id } = await life.tenant(slug);
  await life.em.transactional((em) => removePeople(em as EntityManager, { tenantId: id }));
  const operations = "in (select id from platform.operation where subject_id = ?)";
  for (const table of ["operation_event", "operation_phase"])
    await life.em.execute(`delete from platform.${table} where operation_id ${operations}`, [id]);
  await life.em.execute("delete from platform.operation where subject_id = ?", [id]);
  await life.em.nativeDelete(TenantEntity, { id });
  return id;
}

const look = async (slug: string) =>
  (await tenantHealth(world.platform, { slug })).flatMap(({ findings }) =>
    findings.map(({ code, repair, others = [] }) => [code, repair, ...others].join(" ")),
  );

/** Lets the doctor apply remedies, and waits for the operations that it started. */
async function fix(slug: string, ...remedies: Repair[]) {
  const report = await runDoctor(world.platform, OPERATOR, { slug, fix: remedies });
  for (const { id } of report.started)
    expect((await followToEnd(world.platform, id)).operation).toMatchObject({ state: "SUCCEEDED" });
  return { repaired: report.repaired.map(({ repair }) => repair), failed: report.failed };
}

test.each<Isolation>(["SCHEMA", "DATABASE"])(
  "a tenant that the registry does not know is taken back as its server tells of it (%s)",
  async (isolation) => {
    const slug = await life.provisioned({ isolation, name: "Acme Labs", seeds: ["core"] });
    const before = await life.tenant(slug);
    const id = await forget(slug);
    expect(await look(slug)).toEqual(["ORPHAN  ADOPT DROP"]);
    // Nothing of it is decided unasked.
    const unasked = await runDoctor(world.platform, OPERATOR, { slug, fix: true });
    expect(unasked).toMatchObject({ started: [], repaired: [], failed: [] });

    expect((await fix(slug, "ADOPT")).repaired).toEqual(["ADOPT"]);
    const kept = [
      "id",
      "slug",
      "name",
      "status",
      "isolation",
      "dbServerId",
      "databaseName",
    ] as const;
    const alike = ["schemaName", "ownerRole", "appRole", "secretName", "seedSets"] as const;
    const after = await life.tenant(slug);
    for (const field of [...kept, ...alike, "schemaVersion", "migrationsApplied"] as const)
      expect(after[field], field).toEqual(before[field]);
    expect(await look(slug)).toEqual([]);
    expect(await life.login(slug)).toBe(true);
    expect((await life.run("rotateCredentials", { slug })).state).toBe("SUCCEEDED");
    const [fact] = await life.em.execute<{ detail: object }[]>(
      "select detail from platform.audit_event where tenant_id = ? and type = 'TENANT_TAKEN_BACK'",
      [id],
    );
    expect(fact?.detail).toMatchObject({ status: "ACTIVE", secretFound: true, missing: [] });
  },
);

test("a tenant is taken back with the login of its last rotation, or closed as it was found", async () => {
  const [rotated, suspended] = [await life.provisioned(), await life.provisioned()];
  await life.run("rotateCredentials", { slug: rotated, gracePeriodSeconds: 600 });
  await life.run("suspendTenant", { slug: suspended });
  const { appRole, retiringRole } = await life.tenant(rotated);
  for (const slug of [rotated, suspended]) {
    await forget(slug);
    await fix(slug, "ADOPT");
    expect(await look(slug)).toEqual([]);
  }
  expect(await life.tenant(rotated)).toMatchObject({ status: "ACTIVE", appRole, retiringRole });
  expect(await life.tenant(suspended)).toMatchObject({ status: "SUSPENDED" });
  expect((await life.run("resumeTenant", { slug: suspended })).state).toBe("SUCCEEDED");
});

test("one that is not whole is taken back as FAILED, and locked against being cleared away", async () => {
  const slug = await life.provisioned();
  const { schemaName } = await life.tenant(slug);
  await onServer(`truncate ${schemaName}.organization cascade`);
  await forget(slug);
  await fix(slug, "ADOPT");
  expect(await life.tenant(slug)).toMatchObject({
    status: "FAILED",
    failureMessage: expect.stringContaining("has no organization"),
    lockReason: expect.stringContaining("taken back from db server 'default'"),
  });
  const { failed } = await fix(slug, "CLEANUP");
  expect(failed).toMatchObject([{ message: expect.stringContaining("locked") }]);
});

test("one that nobody wants is dropped, and its slug is free", async () => {
  const slug = await life.provisioned({ isolation: "DATABASE" });
  const id = await forget(slug);
  expect((await fix(slug, "DROP")).repaired).toEqual(["DROP"]);
  await expect(tenantHealth(world.platform, { slug })).rejects.toMatchObject({
    code: "E_TENANT_NOT_FOUND",
  });
  expect(await world.platform.secrets.get(`tenant-db-${slug}`)).toBeNull();
  const { rows } = await onServer(
    `select from pg_shdescription where description like 'tenantry:tenant=${id}%'`,
  );
  expect(rows).toEqual([]);
  await life.provisioned({ slug });
});

test("another tenant of that slug is in its way, and is told of", async () => {
  const slug = await life.provisioned();
  const row = await life.tenant(slug);
  await forget(slug);
  const holder = { ...row, id: crypto.randomUUID(), status: "FAILED" as const };
  await life.em.insert(TenantEntity, { ...holder, dbServerId: null, databaseName: null });
  const { failed } = await runDoctor(world.platform, OPERATOR, { fix: ["ADOPT"] });
  expect(failed.filter((each) => each.slug === slug)).toMatchObject([
    { message: expect.stringContaining(`is that of tenant ${holder.id} (FAILED)`) },
  ]);
  await life.run("cleanupTenant", { slug });
  expect(await fix(slug, "ADOPT")).toEqual({ repaired: ["ADOPT"], failed: [] });
  expect(await life.tenant(slug)).toMatchObject({ id: row.id, status: "ACTIVE" });
});

test("the registry follows what a tenant's logins and its secret tell", async () => {
  const slug = await life.provisioned();
  const { id } = await life.tenant(slug);
  await life.run("suspendTenant", { slug });
  const restored = (row: object) => life.em.nativeUpdate(TenantEntity, { id }, row);
  await restored({ status: "ACTIVE" });
  expect(await look(slug)).toEqual(["ROLE_CANNOT_LOGIN SET_LOGIN FOLLOW_STATUS"]);
  await fix(slug, "FOLLOW_STATUS");
  expect([(await life.tenant(slug)).status, await look(slug)]).toEqual(["SUSPENDED", []]);

  await life.run("resumeTenant", { slug });
  const purgeAfter = new Date(Date.now() + 60_000);
  await restored({ status: "OFFBOARDED", offboardedFrom: "ACTIVE", purgeAfter });
  expect(await look(slug)).toEqual(["ROLE_CAN_LOGIN SET_LOGIN FOLLOW_STATUS"]);
  await fix(slug, "FOLLOW_STATUS");
  expect([(await life.tenant(slug)).status, await look(slug)]).toEqual(["ACTIVE", []]);

  const { appRole } = await life.tenant(slug);
  await life.run("rotateCredentials", { slug, gracePeriodSeconds: 600 });
  const rotated = await life.tenant(slug);
  await restored({ appRole, retiringRole: null, retiringUntil: null, credentialsRotatedAt: null });
  expect(await look(slug)).toEqual(["LOGIN_NEWER FOLLOW_SECRET"]);
  await fix(slug, "FOLLOW_SECRET");
  expect(await life.tenant(slug)).toMatchObject({
    appRole: rotated.appRole,
    retiringRole: appRole,
  });
  expect([await look(slug), await life.login(slug)]).toEqual([[], true]);
});

test("a tenant of which nothing is left is made again, or closed where that is asked for", async () => {
  const slug = await life.provisioned();
  const { id, schemaName } = await life.tenant(slug);
  await onServer(`drop schema ${schemaName} cascade; drop owned by ${schemaName}_app, ${schemaName}_owner;
    drop role ${schemaName}_app, ${schemaName}_owner`);
  await world.platform.secrets.purge(`tenant-db-${slug}`);
  expect(await look(slug)).toEqual(["SCHEMA_MISSING MIGRATE PURGE", "SECRET_MISSING MIGRATE"]);
  expect((await fix(slug, "PURGE")).repaired).toEqual(["PURGE"]);
  const row = await life.em.findOneOrFail(TenantEntity, { id });
  expect(row).toMatchObject({ status: "PURGED", adminEmail: "removed@purged.invalid" });
});

test("who may not decide or delete is refused", async () => {
  const provisioner = { ...OPERATOR, role: "PROVISIONER" } as const;
  for (const fix of [["ADOPT"], ["DROP"], ["MIGRATE", "PURGE"]] as const)
    await expect(runDoctor(world.platform, provisioner, { fix })).rejects.toMatchObject({
      code: "E_FORBIDDEN",
    });
});

test("the terminal asks once for each kind, and for no other remedy of what is settled", async () => {
  const [gone, stranger] = [await life.provisioned(), await life.provisioned()];
  const { schemaName } = await life.tenant(gone);
  await onServer(`drop schema ${schemaName} cascade`);
  await forget(stranger);
  const healths = (await tenantHealth(world.platform))
    .filter(({ slug }) => [gone, stranger].includes(slug ?? ""))
    .map(({ slug, findings }) => ({ slug, findings: viewsOf(slug ?? "", findings) }));
  const asked: string[] = [];
  const answering = (yes: readonly string[]) => async (question: string) => {
    asked.push(question.replace(/:.*\((.*)\).*/, " $1"));
    return yes.some((each) => question.startsWith(each));
  };
  expect(await askForRemedies(healths, answering(["ADOPT"]))).toEqual(["ADOPT"]);
  expect(asked).toEqual([`ADOPT ${stranger}`, `MIGRATE ${gone}`, `PURGE ${gone}`]);
  expect(readRemedies("adopt, follow-status")).toEqual(["ADOPT", "FOLLOW_STATUS"]);
  expect(() => readRemedies("everything")).toThrow("There is no remedy 'EVERYTHING'");
  await fix(stranger, "DROP");
});
