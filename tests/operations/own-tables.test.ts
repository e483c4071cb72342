import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";

const folder = perFile(() => openFolder());
const world = perFile(() =>
  openPlatform({
    worker: true,
    environment: { TENANT_MIGRATIONS_DIR: folder.path, TENANT_SEEDS_DIR: folder.path },
  }),
);

/** Provisions a tenant whose migrations are this SQL. */
async function provisioned(sql: string) {
  for (const name of await readdir(folder.path)) await rm(join(folder.path, name));
  await writeFile(join(folder.path, "0001_own.sql"), sql);
  const slug = freshSlug("own");
  const { operation, events } = await provision(world.platform, { slug, seeds: [] });
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  return { slug, note: noteOf(events, "SEEDS_APPLIED") };
}

type Events = Awaited<ReturnType<typeof followToEnd>>["events"];
const noteOf = (events: Events, phase: string) =>
  events.flatMap(({ body }) =>
    body.type === "PHASE_STATE" && body.state === "SKIPPED" && body.phase === phase
      ? [body.note]
      : [],
  )[0];

async function run(kind: "migrateTenant" | "addLaboratory" | "refreshSnapshots", input: object) {
  const { platform } = world;
  const options = { dryRun: false, idempotencyKey: null };
  const definition = platform.operations[kind] as typeof platform.operations.migrateTenant;
  const { operation } = await startOnTenant(
    platform,
    OPERATOR,
    definition,
    input as { slug: string },
    options,
  );
  return await followToEnd(platform, operation.id);
}

const FITTING = `name text, slug text, setup_name text, region text, vertical text, states text[],
  time_zone text, support_email text, support_phone text`;
const LABORATORY =
  "create table laboratory (id bigint generated always as identity, organization_id bigint, name text)";

describe("tables that happen to be called organization and laboratory", () => {
  test.each([
    [
      "have other columns",
      `create table organization (id uuid primary key default gen_random_uuid(), title text not null);
       create table laboratory (code text primary key);`,
      /it has no .*organization\.name, .*laboratory\.name$/,
    ],
    [
      "are a view",
      `create table company (id bigint generated always as identity, ${FITTING});
       create view organization as select * from company; ${LABORATORY}`,
      /organization is no table there$/,
    ],
    [
      "are partitioned, with other columns",
      `create table organization (id int, at date) partition by range (at); ${LABORATORY}`,
      /it has no .*organization\.name/,
    ],
    [
      "refer by another type",
      `create table organization (id uuid default gen_random_uuid(), ${FITTING}); ${LABORATORY}`,
      /laboratory\.organization_id is of another kind there$/,
    ],
    [
      "hold numbers for names",
      `create table organization (id bigint generated always as identity, ${FITTING.replace("vertical text", "vertical int")});
       ${LABORATORY}`,
      /organization\.vertical is of another kind there$/,
    ],
    [
      "compute a name",
      `create table organization (id bigint generated always as identity, ${FITTING.replace("slug text", "slug text generated always as (lower(name)) stored")});
       ${LABORATORY}`,
      /organization\.slug is of another kind there$/,
    ],
    [
      "need more",
      `create table organization (id bigint generated always as identity, ${FITTING}, tax_id text not null);
       ${LABORATORY}`,
      /a row there also needs organization\.tax_id$/,
    ],
  ])("stay empty where they %s", async (_, sql, why) => {
    const { slug, note } = await provisioned(sql);
    expect(note).toMatch(why);
    expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ findings: [] }]);
    const { operation, events } = await run("migrateTenant", { slug });
    expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
    expect(noteOf(events, "ORGANIZATION_ENSURED")).toMatch(why);
    const checks = operation.result?.checks as { name: string; passed: boolean }[];
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(checks.map(({ name }) => name)).not.toContain("ORGANIZATION");
  });

  test.each([
    ["have other columns", "create table organization (id int); create table laboratory (id int);"],
    [
      "hold numbers for names",
      `create table organization (id bigint generated always as identity, name text, setup_name text);
       create table laboratory (id bigint generated always as identity, organization_id bigint, name int);`,
    ],
    [
      "refer by another type",
      `create table organization (id uuid, name text, setup_name text); ${LABORATORY}`,
    ],
  ])("get no laboratory added where they %s", async (_, sql) => {
    const { slug } = await provisioned(sql);
    const { operation } = await run("addLaboratory", { slug, name: "North" });
    expect(operation.error).toMatchObject({
      code: "E_NO_LABORATORIES",
      phase: "ORGANIZATION_RESOLVED",
    });
  });

  test("are used where they fit, partitioned ones too", async () => {
    const { slug, note } = await provisioned(
      `create table organization (id bigint generated always as identity, ${FITTING}) partition by list (region);
       create table organization_all partition of organization default; ${LABORATORY}`,
    );
    expect(note).toBeUndefined();
    expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ findings: [] }]);
    const { operation } = await run("addLaboratory", { slug, name: "North" });
    expect(operation.state).toBe("SUCCEEDED");
    const { databaseUrl } = world.platform;
    const schema = `org_${slug.replaceAll("-", "_")}`;
    const { rows } = await asSuperuser(`${databaseUrl}_tenants`, (client) =>
      client.query(`select name from ${schema}.laboratory order by name`),
    );
    expect(rows).toEqual([{ name: "Main" }, { name: "North" }]);
  });
});

test.each([
  ["states that are numbers", "create table sample (id bigint, patient_id bigint, state int);"],
  [
    "states of another list",
    `create type state as enum ('NEW', 'DONE');
     create table sample (id bigint, patient_id bigint, state state);`,
  ],
])(
  "tables that happen to be called patient and sample, with %s, keep no snapshots",
  async (_, sql) => {
    const { slug } = await provisioned(`create table patient (id bigint); ${sql}`);
    const { operation } = await run("refreshSnapshots", { slug });
    expect(operation.error).toMatchObject({ code: "E_UNSUPPORTED", phase: "ROWS_COUNTED" });
    expect(operation.error?.message).toContain("invalid input");
  },
);
