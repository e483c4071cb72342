import { describe, expect, test } from "vitest";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { applySeedSet, verifySeeds } from "../../src/seeding/apply-seeds.ts";
import { openSeedFolder, resolveSets, type SeedSet } from "../../src/seeding/seed-folder.ts";
import { applyMigrations } from "../../src/tenant-schemas/apply-migrations.ts";
import { openMigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";
import { perFile } from "../kit/lifetime.ts";
import { openTenantDatabase, type Tenant } from "../kit/tenant-schemas.ts";

const world = perFile(openTenantDatabase);
const TABLES = {
  "0001_tables.sql": `create table unit (code text primary key, name text not null check (name <> ''));
create table organism (id int generated always as identity, name text unique);
create table ticket (id serial primary key, name text not null);`,
};
const SEEDS = {
  "core/0001_units.sql": `-- Units
insert into unit (code, name) values ('mg', 'milligram'), ('ml', 'millilitre')
  on conflict (code) do nothing;
insert into unit select 'g', 'gram' where not exists (select from unit where code = 'g');`,
  "core/seed.json": '{ "description": "What every laboratory needs" }',
  "microbiology/0001_organisms.sql":
    "insert into organism (name) values ('E. coli') on conflict do nothing",
  "microbiology/seed.json": '{ "dependsOn": ["core"] }',
  "Not A Set/0001_x.sql": "drop table unit",
};

const open = async (files: Record<string, string>) =>
  openSeedFolder({ dir: await world.folder(files), home: "public" });

async function migrated(): Promise<Tenant> {
  const tenant = world.tenant();
  await world.create(tenant);
  const folder = await openMigrationFolder(settingsFor(await world.folder(TABLES)));
  await applyMigrations(world.client, { names: tenant.names, folder, mode: "one-transaction" });
  return tenant;
}

async function seed(tenant: Tenant, sets: readonly SeedSet[]) {
  const answers = [];
  for (const set of sets)
    answers.push(await applySeedSet(world.client, { names: tenant.names, set }));
  return answers;
}

describe("a seed folder", () => {
  test("holds the sets by name, each after what it depends on", async () => {
    const folder = await open(SEEDS);
    expect([...folder.sets.keys()]).toEqual(["core", "microbiology"]);
    const names = (wanted: string[]) => resolveSets(folder, wanted).map(({ name }) => name);
    expect(names(["microbiology"])).toEqual(["core", "microbiology"]);
    expect(names(["core"])).toEqual(["core"]);
    expect(names(["all"])).toEqual(["core", "microbiology"]);
    expect(names([])).toEqual([]);
  });

  test("is empty when it does not exist", async () => {
    const folder = await openSeedFolder({ dir: "/nowhere/at/all", home: "public" });
    expect(folder.sets.size).toBe(0);
    expect(resolveSets(folder, ["all"])).toEqual([]);
  });

  test("names the known sets when one is not found", async () => {
    const folder = await open(SEEDS);
    expect(() => resolveSets(folder, ["veterinary"])).toThrow(
      "Seed set 'veterinary' not found; known sets: core, microbiology",
    );
  });

  test("names a circle of dependencies", async () => {
    const files = { "a/seed.json": '{"dependsOn":["b"]}', "b/seed.json": '{"dependsOn":["a"]}' };
    const folder = await open(files);
    expect(() => resolveSets(folder, ["a"])).toThrow("in a circle: a -> b -> a");
  });

  test.each([
    ["delete from unit", "only INSERT and SELECT setval(…) are allowed"],
    ["select 1", "only INSERT and SELECT setval(…) are allowed"],
    [
      "select setval('s', max(id)), 1 from organism",
      "only INSERT and SELECT setval(…) are allowed",
    ],
    ["select setval('s', max(id)) into x from organism", "only INSERT and SELECT setval"],
    [
      "with gone as (delete from organism returning id) select setval('s', max(id)) from gone",
      "only INSERT and SELECT setval",
    ],
    [
      "select setval('s', max(id)) from organism union select setval('s', 1)",
      "only INSERT and SELECT setval",
    ],
    ["select setval('s', 100)", "back to a constant"],
    ["select setval('s', -1::bigint)", "back to a constant"],
    ["select setval('s', (select 100))", "back to a constant"],
    ["select setval('s', greatest(7, 8)) from organism", "back to a constant"],
    ["select setval(name, max(id)) from organism group by name", "names its sequence"],
    ["select setval('elsewhere.s', max(id)) from organism", '"elsewhere.s"'],
    [
      "select setval(pg_get_serial_sequence('other.organism', 'id'), max(id)) from organism",
      '"other.organism"',
    ],
    ["select setval('s', max(id)) from other.organism", '"other"'],
    ["select other.setval('s', max(id)) from organism", "only INSERT and SELECT setval"],
    ["insert into unit values ('a', 'b')", "needs ON CONFLICT DO NOTHING"],
    [
      "insert into unit values ('a', 'b') on conflict (code) do update set name = 'x'",
      "needs ON CONFLICT DO NOTHING",
    ],
    ["insert into elsewhere.unit values ('a', 'b') on conflict do nothing", '"elsewhere"'],
    ["insert into tenantry_seed values ('a') on conflict do nothing", "reserved"],
    ["insert into unit values (", "syntax error"],
  ])("refuses: %s", async (sql, why) => {
    await expect(open({ "core/0001_a.sql": `-- first\n${sql}` })).rejects.toMatchObject({
      code: "E_SEEDS_FAILED",
      message: expect.stringMatching(/^core\/0001_a.sql line 2: /),
    });
    await expect(open({ "core/0001_a.sql": sql })).rejects.toThrow(why);
  });
});

describe("a seed set", () => {
  test("adds its rows once", async () => {
    const tenant = await migrated();
    const sets = resolveSets(await open(SEEDS), ["all"]);
    const heard: unknown[] = [];
    const [core] = sets;
    if (core === undefined) throw new Error("no set");
    const first = await applySeedSet(world.client, {
      names: tenant.names,
      set: core,
      onStatement: (...told) => void heard.push(told),
    });
    expect(first).toEqual({ set: "core", rowsAdded: 3, tables: { unit: 3 } });
    expect(heard).toEqual([
      ["unit", 2, 0, 2],
      ["unit", 1, 1, 2],
    ]);
    expect(await seed(tenant, sets)).toEqual([
      { set: "core", rowsAdded: 0, tables: { unit: 0 } },
      { set: "microbiology", rowsAdded: 1, tables: { organism: 1 } },
    ]);
  });

  test("is verified by the content of its files", async () => {
    const tenant = await migrated();
    const sets = resolveSets(await open(SEEDS), ["all"]);
    expect(await verifySeeds(world.client, tenant.names, sets)).toMatchObject({ passed: false });
    await seed(tenant, sets);
    expect(await verifySeeds(world.client, tenant.names, sets)).toMatchObject({
      name: "SEEDS",
      passed: true,
    });
    const more = { ...SEEDS, "core/0001_units.sql": `${SEEDS["core/0001_units.sql"]}\n-- more` };
    const changed = resolveSets(await open(more), ["all"]);
    expect(await verifySeeds(world.client, tenant.names, changed)).toMatchObject({
      passed: false,
      message: "not added, or changed since: core/0001_units.sql",
    });
    await seed(tenant, changed);
    expect(await verifySeeds(world.client, tenant.names, changed)).toMatchObject({ passed: true });
  });

  test("adds nothing at all when one of its rows is refused, and names the line", async () => {
    const tenant = await migrated();
    const bad = {
      "core/0002_bad.sql": "insert into unit\n  values ('x', '')\n  on conflict do nothing",
    };
    const sets = resolveSets(await open({ ...SEEDS, ...bad }), ["core"]);
    await expect(seed(tenant, sets)).rejects.toMatchObject({
      code: "E_SEEDS_FAILED",
      message: expect.stringMatching(/^core\/0002_bad.sql line 1: .*check constraint.* \(23514\)$/),
      migration: { sqlState: "23514", file: "core/0002_bad.sql" },
    });
    const { rows } = await world.client.query(
      `select count(*)::int as n from ${tenant.names.schema}.unit`,
    );
    expect(rows).toEqual([{ n: 0 }]);
  });

  test.each([
    ["an own sequence", "select setval('ticket_id_seq', (select max(id) from ticket));"],
    [
      "the sequence of a column",
      "select setval(pg_get_serial_sequence('ticket', 'id'), coalesce((select max(id) from ticket), 1), true);",
    ],
    [
      "a quoted name",
      `select pg_catalog.setval('"ticket_id_seq"'::regclass, max(id)) from ticket;`,
    ],
    ["a count", "select setval('ticket_id_seq', count(*) + 40) from ticket;"],
  ])("sets a sequence behind the ids that it brings along: %s", async (_, setval) => {
    const tenant = await migrated();
    const files = {
      "core/0001_tickets.sql": `insert into ticket (id, name) values (1, 'a'), (41, 'b') on conflict do nothing;
${setval}
insert into unit values ('t', 'ticket') on conflict do nothing;`,
    };
    const [set] = resolveSets(await open(files), ["core"]);
    if (set === undefined) throw new Error("no set");
    const heard: unknown[] = [];
    const first = await applySeedSet(world.client, {
      names: tenant.names,
      set,
      onStatement: (...told) => void heard.push(told),
    });
    expect(first).toEqual({ set: "core", rowsAdded: 3, tables: { ticket: 2, unit: 1 } });
    expect(heard).toEqual([
      ["ticket", 2, 0, 2],
      ["unit", 1, 1, 2],
    ]);
    const app = await world.login(tenant);
    const insert = "insert into ticket (name) values ('c') returning id";
    const { rows } = await app.query<{ id: number }>(insert);
    expect(rows[0]?.id).toBeGreaterThan(41);
    expect(await seed(tenant, [set])).toEqual([
      { set: "core", rowsAdded: 0, tables: { ticket: 0, unit: 0 } },
    ]);
    const { rows: next } = await app.query<{ id: number }>(insert);
    expect(next[0]?.id).toBeGreaterThan(rows[0]?.id ?? Number.NaN);
  });

  test("keeps its ledger from the app role", async () => {
    const tenant = await migrated();
    await seed(tenant, resolveSets(await open(SEEDS), ["all"]));
    const app = await world.login(tenant);
    expect((await app.query("select count(*)::int as n from tenantry_seed")).rows).toEqual([
      { n: 2 },
    ]);
    await expect(app.query("delete from tenantry_seed")).rejects.toMatchObject({ code: "42501" });
  });

  test("can be added by several at once", async () => {
    const tenant = await migrated();
    const [set] = resolveSets(await open(SEEDS), ["core"]);
    if (set === undefined) throw new Error("no set");
    const added = await Promise.all(
      [1, 2, 3].map(async () => applySeedSet(await world.connect(), { names: tenant.names, set })),
    );
    expect(added.map(({ rowsAdded }) => rowsAdded).sort()).toEqual([0, 0, 3]);
  });
});
