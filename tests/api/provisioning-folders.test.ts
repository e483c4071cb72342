import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { asSuperuser } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision, provisionRequest } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";

const migrations = perFile(() => openFolder());
const seeds = perFile(() => openFolder());
const world = perFile(() =>
  openPlatform({
    worker: true,
    environment: { TENANT_MIGRATIONS_DIR: migrations.path, TENANT_SEEDS_DIR: seeds.path },
  }),
);

type Files = Readonly<Record<string, string | Uint8Array>>;

async function write(dir: string, files: Files): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const name of await readdir(dir)) await rm(join(dir, name), { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const at = join(dir, path);
    await mkdir(path.endsWith("/") ? at : dirname(at), { recursive: true });
    if (!path.endsWith("/")) await writeFile(at, content);
  }
}

const A = "create table a (id int primary key);\n";
const latin1 = (text: string) => Buffer.from(text, "latin1");
const CITIES = "create table city (name text);\ninsert into city values ('München');\n";

const REFUSED: readonly (readonly [string, Files, readonly string[]])[] = [
  ["holds nothing", {}, ["empty|no migration"]],
  ["holds no SQL", { "README.md": "x" }, ["README.md|no migration"]],
  [
    "is the parent of the right one",
    { "app/migrations/0001_a.sql": A, "app/main.ts": "" },
    ["app/migrations"],
  ],
  [
    "holds migrations in code",
    { "20260101000000_init.js": "exports.up = () => {}" },
    ["20260101000000_init.js"],
  ],
  ["holds code beside SQL", { "0001_a.sql": A, "0002_b.py": "" }, ["0002_b.py"]],
  ["holds a name that no tool has", { "0001_a.sql": A, "LATEST.sql": A }, ["LATEST.sql"]],
  ["holds a dump beside numbers", { "0001_a.sql": A, "schema.sql": A }, ["schema.sql"]],
  [
    "has no migration.sql somewhere",
    { "20260101000000_a/migration.sql": A, "20260102000000_b/": "", "migration_lock.toml": "" },
    ["20260102000000_b"],
  ],
  ["has one number twice", { "0001_a.sql": A, "0001_b.sql": A }, ["0001_a.sql", "0001_b.sql"]],
  [
    "is of two tools",
    { "V1__a.sql": A, "20260101000000_b/migration.sql": A },
    ["V1__a.sql", "20260101000000_b/migration.sql"],
  ],
  [
    "has a way back that no tool has",
    { "0001_a.sql": `${A}\n-- @DOWN\ndrop table a;\n` },
    ["0001_a.sql", "line 3"],
  ],
  [
    "has a marker in some files only",
    { "1_a.sql": `-- +goose Up\n${A}`, "2_b.sql": "drop table a;" },
    ["2_b.sql"],
  ],
  [
    "has a plan without its files",
    {
      "sqitch.plan": "%syntax-version=1.0.0\n%project=x\n\na 2026-01-01T00:00:00Z A <a@b.c> # a\n",
    },
    ["deploy/a.sql"],
  ],
  [
    "has placeholders without values",
    { "V1__a.sql": `create table \${name} ();` },
    ["V1__a.sql", "name"],
  ],
  [
    "has a NUL in a file",
    { "0001_a.sql": A, "0002_b.sql": "create table b ();\0create table c ();" },
    ["0002_b.sql", "byte 18"],
  ],
  ["has a file of zeros", { "0001_a.sql": A, "0002_b.sql": Buffer.alloc(64) }, ["0002_b.sql"]],
  ["has a file in UTF-16", { "0001_a.sql": Buffer.from(A, "utf16le") }, ["0001_a.sql", "UTF-16"]],
  [
    "has a file in Latin-1",
    { "0001_a.sql": A, "0002_city.sql": latin1(CITIES) },
    ["0002_city.sql", "byte 58", "Latin-1"],
  ],
];

describe("a migration folder that cannot be read whole", () => {
  test.each(REFUSED)("%s: is refused by name before anything is made", async (_, files, named) => {
    await write(migrations.path, files);
    await write(seeds.path, {});
    const request = provisionRequest({ seeds: [] });
    const before = await worldOf(world.platform, request.slug);
    const { operation } = await provision(world.platform, request);
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_MIGRATION_FOLDER", phase: "STATE_CHECKED" },
    });
    for (const name of named) expect(operation.error?.message).toMatch(new RegExp(name));
    expect(await worldOf(world.platform, request.slug)).toEqual(before);
  });

  test("is not there any more: is refused by name", async () => {
    await rm(migrations.path, { recursive: true });
    const { operation } = await provision(world.platform, provisionRequest({ seeds: [] }));
    await mkdir(migrations.path);
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_MIGRATION_FOLDER", message: expect.stringContaining(migrations.path) },
    });
  });

  test("is right, with seeds in Latin-1: these are refused", async () => {
    await write(migrations.path, { "0001_a.sql": A });
    const file = latin1("insert into a values (1) on conflict do nothing; -- é");
    await write(seeds.path, { "core/0001_a.sql": file });
    const request = provisionRequest({ seeds: ["core"] });
    const before = await worldOf(world.platform, request.slug);
    await expect(provision(world.platform, request)).rejects.toThrow(/0001_a\.sql.*byte 52/);
    expect(await worldOf(world.platform, request.slug)).toEqual(before);
  });
});

describe("a migration folder as its tool wrote it", () => {
  test.each([
    [
      "Flyway",
      {
        "V1__init.sql": A,
        "V1.10__c.sql": "create table c (id int references b);",
        "V1.9__b.sql": "create table b (id int primary key);",
      },
      ["a", "b", "c"],
    ],
    ["goose", { "1_a.sql": `-- +goose Up\n${A}\n-- +goose Down\ndrop table a;\n` }, ["a"]],
    ["dbmate", { "1_a.sql": `-- migrate:up\n${A}\n-- migrate:down\ndrop table a;\n` }, ["a"]],
    [
      "Diesel",
      { "2026-01-05-000000_a/up.sql": A, "2026-01-05-000000_a/down.sql": "drop table a;" },
      ["a"],
    ],
    ["Hasura", { "1700000000000_a/up.sql": A, "1700000000000_a/down.sql": "drop table a;" }, ["a"]],
    [
      "golang-migrate",
      { "00000000000000000001_a.up.sql": A, "00000000000000000001_a.down.sql": "drop table a;" },
      ["a"],
    ],
    [
      "nobody, with spaces and hyphens",
      {
        "0001_a.sql": A,
        "0002-b.sql": "create table b ();",
        "0003_c d.sql": "create table c ();",
        "0004_D.SQL": "create table d ();",
      },
      ["a", "b", "c", "d"],
    ],
  ] as const)("of %s makes its tables", async (_, files, tables) => {
    await write(migrations.path, files);
    await write(seeds.path, {});
    const request = provisionRequest({ seeds: [] });
    const { operation } = await provision(world.platform, request);
    expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
    const sql = `select relname from pg_class where relkind = 'r' and relname not like 'tenantry%'
      and relnamespace = 'org_${request.slug.replaceAll("-", "_")}'::regnamespace order by 1`;
    const { rows } = await asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) =>
      client.query({ text: sql, rowMode: "array" }),
    );
    expect(rows.flat()).toEqual(tables);
  });
});
