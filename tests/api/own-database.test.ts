import pg from "pg";
import { describe, expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import { type Tenant, TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, freshSlug, urlOf } from "../kit/database.ts";
import { OPERATION, PROVISION } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { SCENARIOS } from "../kit/scenarios.ts";
import { followToEnd, provisionRequest } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";
import { act, register } from "./_tenant-operations.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));

const stemOf = (slug: string) => slug.replaceAll("-", "_");
const sql = (text: string, database?: string) =>
  asSuperuser(
    database === undefined
      ? world.platform.databaseUrl
      : urlOf(world.platform.databaseUrl, database),
    async (client) => (await client.query({ text, rowMode: "array" })).rows,
  );
const sharedDatabase = () => `${new URL(world.platform.databaseUrl).pathname.slice(1)}_tenants`;
const set = (slug: string, row: Partial<Tenant>) =>
  world.platform.orm.em.fork().nativeUpdate(TenantEntity, { slug }, row);

/** Starts provisioning through the API and answers the ended operation. */
async function provision(slug: string, input: Record<string, unknown> = {}) {
  const request = { ...provisionRequest({ slug, seeds: ["core"] }), isolation: "DATABASE" };
  const { provisionTenant } = await administrator.ask(PROVISION, {
    input: { ...request, ...input },
  });
  await followToEnd(world.platform, provisionTenant.operation.id);
  return (await administrator.ask(OPERATION, { id: provisionTenant.operation.id })).operation;
}

async function provisioned(): Promise<string> {
  const slug = freshSlug("own");
  expect(await provision(slug)).toMatchObject({ state: "SUCCEEDED", error: null });
  return slug;
}

/** Carries out an operation on a tenant; answers how it ended. */
async function done(mutation: string, input: { slug: string; [field: string]: unknown }) {
  const answer = await act(administrator, mutation, input);
  const { operation } = mutation === "cleanupFailedTenants" ? answer.results[0] : answer;
  return (await followToEnd(world.platform, operation.id)).operation;
}

/** Logs in as the tenant's application, with the secret's URL; answers where it came. */
async function login(slug: string): Promise<string> {
  const secret = await world.platform.secrets.get(`tenant-db-${slug}`);
  const client = new pg.Client({ connectionString: secret?.value ?? "" });
  try {
    await client.connect();
    const { rows } = await client.query(
      "select current_database() || ' ' || current_schema() as place, count(*) from organization",
    );
    return rows[0].place;
  } finally {
    await client.end();
  }
}

const HEALTH = `query ($slug: String) {
  tenantHealth(slug: $slug) { tenant { slug } findings { code message repair } }
}`;
const findingsOf = async (slug: string): Promise<string[]> => {
  const { tenantHealth } = await administrator.ask(HEALTH, { slug });
  return tenantHealth[0].findings.map((finding: { code: string; repair: string | null }) =>
    `${finding.code} ${finding.repair}`.trim(),
  );
};

describe("a tenant with a database of its own", () => {
  test("is planned without anything being made", async () => {
    const slug = freshSlug("own");
    const before = await worldOf(world.platform, slug);
    const { state, result } = await provision(slug, { dryRun: true });
    expect({ state, ...result }).toMatchObject({
      state: "SUCCEEDED",
      database: `tenant_${stemOf(slug)}`,
      schema: `org_${stemOf(slug)}`,
    });
    expect(await worldOf(world.platform, slug)).toEqual(before);
  });

  test("lives from its provisioning to its purge", async () => {
    const slug = await provisioned();
    const database = `tenant_${stemOf(slug)}`;
    const query = `query ($slug: String!) { tenant(by: { slug: $slug }) {
      status isolation databaseName schemaName dbServer { name tenantCount } } }`;
    expect(await administrator.ask(query, { slug })).toEqual({
      tenant: {
        status: "ACTIVE",
        isolation: "DATABASE",
        databaseName: database,
        schemaName: `org_${stemOf(slug)}`,
        dbServer: { name: "default", tenantCount: 1 },
      },
    });
    expect(await login(slug)).toBe(`${database} org_${stemOf(slug)}`);
    const rights = `select has_database_privilege('public', '${database}', 'connect'),
      has_database_privilege('public', '${database}', 'temporary'),
      has_database_privilege('org_${stemOf(slug)}_app', '${database}', 'connect'),
      has_database_privilege('org_${stemOf(slug)}_app', '${sharedDatabase()}', 'connect')`;
    expect(await sql(rights)).toEqual([[false, false, true, false]]);

    await sql(
      `set role org_${stemOf(slug)}_owner; set search_path = org_${stemOf(slug)};
       drop table sample; drop sequence sample_number;
       delete from tenantry_migration where id = '0003_samples'`,
      database,
    );
    const onTables = `set role org_${stemOf(slug)}_owner; set search_path = org_${stemOf(slug)};
      ${SCENARIOS.refreshSnapshots.prepare}`;
    expect(await done("migrateTenant", { slug })).toMatchObject({
      state: "SUCCEEDED",
      result: { applied: ["0003_samples"] },
    });
    await sql(onTables, database);
    for (const [mutation, input] of [
      ["seedTenant", { sets: ["extra"] }],
      ["addLaboratory", { name: "North" }],
      ["refreshSnapshots", { targets: ["PATIENT"] }],
      ["activateTenant", {}],
      ["suspendTenant", {}],
    ] as const)
      expect(await done(mutation, { slug, ...input })).toMatchObject({
        state: "SUCCEEDED",
        error: null,
      });
    await expect(login(slug)).rejects.toMatchObject({ code: "28000" });
    for (const mutation of [
      ...["resumeTenant", "rotateTenantCredentials", "offboardTenant", "restoreTenant"],
    ])
      expect(await done(mutation, { slug })).toMatchObject({ state: "SUCCEEDED", error: null });
    expect(await login(slug)).toContain(database);
    expect(await findingsOf(slug)).toEqual([]);

    const purge = await done("purgeTenant", { slug, immediately: true, reason: "a test" });
    const role = `org_${stemOf(slug)}`;
    expect(purge).toMatchObject({
      state: "SUCCEEDED",
      result: {
        remaining: [],
        evidence: {
          database,
          schema: role,
          tables: 9,
          roles: expect.arrayContaining([`${role}_app`, `${role}_owner`, `${database}_tenants`]),
        },
      },
    });
    const nothing = { databases: [], roles: [], placed: [], secrets: [], schemas: [] };
    expect(await worldOf(world.platform, slug)).toMatchObject(nothing);
  });

  test("is made anew where dropping it was cut off before it had its name", async () => {
    const slug = await register(world, "FAILED", { isolation: "DATABASE" });
    const { id } = await world.platform.orm.em.fork().findOneOrFail(TenantEntity, { slug });
    const unmarked = `tenantry_new_${id.replaceAll("-", "")}`;
    await sql(`create database ${unmarked}`);
    await sql(`update pg_database set datconnlimit = -2 where datname = '${unmarked}'`);
    expect(await done("migrateTenant", { slug })).toMatchObject({
      state: "SUCCEEDED",
      error: null,
    });
    expect(await login(slug)).toContain(`tenant_${stemOf(slug)}`);
  });

  test("takes nothing over that bears its names, and touches none of it", async () => {
    const [first, second] = [freshSlug("own"), freshSlug("own")];
    await sql(`create database tenant_${stemOf(first)}`);
    await sql(`create role tenant_${stemOf(second)}_tenants`);
    for (const [slug, name] of [
      [first, `tenant_${stemOf(first)}`],
      [second, `tenant_${stemOf(second)}_tenants`],
    ] as const) {
      const before = await worldOf(world.platform, slug);
      const { state, error } = await provision(slug);
      expect({ state, error }).toMatchObject({
        state: "FAILED",
        error: { code: "E_PARTIAL_STATE", phase: "STATE_CHECKED" },
      });
      expect(error.message).toContain(name);
      expect(await done("cleanupFailedTenants", { slug, dropSchema: true })).toMatchObject({
        state: "SUCCEEDED",
      });
      expect(await worldOf(world.platform, slug)).toEqual(before);
    }
    await sql(`drop database tenant_${stemOf(first)}`);
    await sql(`drop role tenant_${stemOf(second)}_tenants`);
  });

  test("whose database is gone says so, and is made again", async () => {
    const slug = await provisioned();
    // The second app role's settings for the database go with it.
    expect(await done("rotateTenantCredentials", { slug })).toMatchObject({ state: "SUCCEEDED" });
    await sql(`drop database tenant_${stemOf(slug)} with (force)`);
    for (const [mutation, input] of [
      ["addLaboratory", { name: "North" }],
      ["activateTenant", {}],
    ] as const)
      expect(await done(mutation, { slug, ...input })).toMatchObject({
        error: { code: "E_TENANT_NOT_READY", message: expect.stringContaining("does not exist") },
      });
    expect(await findingsOf(slug)).toEqual(["DATABASE_MISSING MIGRATE"]);
    expect(await done("migrateTenant", { slug })).toMatchObject({ state: "SUCCEEDED" });
    expect(await findingsOf(slug)).toEqual(["SEEDS_MISSING SEED"]);
    expect(await login(slug)).toContain(`tenant_${stemOf(slug)}`);

    const elsewhere = await provisioned();
    await sql(`alter database tenant_${stemOf(slug)} with allow_connections false`);
    expect(await findingsOf(slug)).toEqual(["SERVER_UNREACHABLE null"]);
    const { tenantHealth } = await administrator.ask(HEALTH, {});
    const other = tenantHealth.find(
      ({ tenant }: { tenant: { slug: string } | null }) => tenant?.slug === elsewhere,
    );
    expect(other.findings).toEqual([]);

    await sql(`drop database tenant_${stemOf(slug)} with (force)`);
    await sql(`create database tenant_${stemOf(slug)}`);
    expect(await findingsOf(slug)).toEqual(["DATABASE_FOREIGN null"]);
    expect(await done("migrateTenant", { slug })).toMatchObject({
      error: { code: "E_PARTIAL_STATE", phase: "SCHEMA_ENSURED" },
    });
    await sql(`drop database tenant_${stemOf(slug)} with (force)`);
    const purge = await done("purgeTenant", { slug, immediately: true, reason: "a test" });
    expect(purge).toMatchObject({
      state: "SUCCEEDED",
      result: { remaining: [], evidence: { schema: null, tables: 0, bytes: 0 } },
    });
    expect(await worldOf(world.platform, slug)).toMatchObject({ databases: [], roles: [] });
  });

  test("is found wherever it is when it failed, and cleaned up", async () => {
    const slug = await provisioned();
    await set(slug, { status: "FAILED", dbServerId: null, databaseName: null });
    expect(await findingsOf(slug)).toEqual(["LEFTOVERS CLEANUP"]);
    const { result } = await done("cleanupFailedTenants", { slug, dropSchema: true });
    expect(result?.removed).toContainEqual({
      kind: "DATABASE",
      name: `tenant_${stemOf(slug)}`,
      server: "default",
      ours: true,
    });
    expect(await worldOf(world.platform, slug)).toMatchObject({ databases: [], roles: [] });
  });

  test("that no row of the registry explains is told of, another platform's is not", async () => {
    const [ours, theirs] = [1, 2].map(() => `tenant_${stemOf(freshSlug("stray"))}`);
    for (const [name, home] of [
      [ours, sharedDatabase()],
      [theirs, "another_tenants"],
    ]) {
      await sql(`create database ${name}`);
      await sql(`comment on database ${name} is 'tenantry:tenant=${newId()};home=${home}'`);
    }
    const { tenantHealth } = await administrator.ask(HEALTH, {});
    const told = JSON.stringify(tenantHealth);
    expect([told.includes(`The database ${ours} was made`), told.includes(`${theirs}`)]).toEqual([
      ...[true, false],
    ]);
    for (const name of [ours, theirs]) await sql(`drop database ${name}`);
  });
});
