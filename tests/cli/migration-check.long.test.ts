import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, freshName, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { OPERATOR } from "../kit/tenants.ts";
import { COMMAND, type Environment, makeDataDir, resultOf, start, tenantry } from "./_run.ts";

const world = perFile(() => openPlatform());
const api = perFile(() => openTestApi(world));
let root: string;
/** Where nothing of a platform is. */
let bare: Environment;

beforeAll(async () => {
  root = await makeDataDir();
  bare = { DATA_DIR: root, DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(root, "folder-"));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  return dir;
}

const check = (dir: string, ...more: string[]) =>
  tenantry(["migration", "check", dir, ...more], bare);
const apply = (dir: string, ...more: string[]) =>
  tenantry(["migration", "check", dir, "--apply", ...more], world.environment);

describe("without a database", () => {
  test("says the layout, the order, what is left out and passed over, and that it can be applied", async () => {
    const dir = await folder({
      "0001_first.up.sql": "create extension citext; create table a (id int);",
      "0001_first.down.sql": "drop table a;",
      "0002_more.up.sql":
        "alter table a owner to postgres;\ncreate index concurrently a_id on a (id);",
      "README.md": "read me",
    });
    const ran = await check(dir);
    expect(ran).toMatchObject({ end: 0, stderr: "" });
    expect(ran.stdout).toMatch(
      /layout +golang-migrate\n +home schema +public\n +isolation +SCHEMA and DATABASE/,
    );
    expect(ran.stdout).toMatch(/extensions +citext/);
    expect(ran.stdout).toMatch(
      /1 {2}0001_first\.up\.sql\n +2 {2}0002_more\.up\.sql +no transaction: line 2: CONCURRENTLY/,
    );
    expect(ran.stdout).toMatch(
      /Not applied:\n {2}0001_first\.down\.sql {2}down script\n {2}README\.md {2}not SQL/,
    );
    expect(ran.stdout).toMatch(
      /Passed over:\n {2}0002_more\.up\.sql line 1: .*\n {4}alter table a owner/,
    );
    expect(ran.stdout).toMatch(/✔ 2 migrations can be applied, in both isolations\.\n$/);
  });

  test("names every refusal with file, line, statement and what to write instead, and ends with 1", async () => {
    const dir = await folder({
      "0001_a.sql": "create table a (id int);\ncopy a from stdin;",
      "0002_b.sql": "create index concurrently on a (id);\n\nsavepoint here;",
      "0003_c.sql": "create table billing.x (id int);",
    });
    const ran = await check(dir);
    expect(ran.end).toBe(1);
    expect(ran.stdout).toMatch(
      /✘ 0001_a\.sql line 2: COPY is not allowed.*\n {4}copy a from stdin\n {4}→ Write INSERT statements/,
    );
    expect(ran.stdout).toMatch(/✘ 0002_b\.sql line 1: .*\n.*\n {4}→ Give the index a name/);
    expect(ran.stdout).toMatch(
      /✘ 0002_b\.sql line 3: SAVEPOINT.*\n.*\n {4}→ Leave it out: a file that fails/,
    );
    expect(ran.stdout).toMatch(
      /✘ 0003_c\.sql line 1: .*"billing".*\n.*\n {4}→ Leave the schema's name out/,
    );
    expect(ran.stderr).toBe("✘ 4 things must be changed before the folder can be applied.\n");
    const json = resultOf(await check(dir, "--json"));
    expect(json).toMatchObject({ ok: false, format: "PLAIN", applied: null });
    expect(json.refusals).toHaveLength(4);
  });

  test("says that a folder with schemas of its own needs isolation DATABASE, and where", async () => {
    const dir = await folder({
      "0001_a.sql":
        "create table public.a (id int);\ncreate schema billing;\ncreate table billing.b (id int);",
    });
    const ran = await check(dir);
    expect(ran).toMatchObject({ end: 0, stderr: "" });
    expect(ran.stdout).toMatch(/isolation +DATABASE alone: 0001_a\.sql line 2: /);
    expect(ran.stdout).toContain("✔ 1 migration can be applied, with isolation DATABASE.");
  });

  test("answers a folder that cannot be read with one refusal, by the flags that say how to read it", async () => {
    const missing = resultOf(await check(join(root, "nowhere"), "--json"));
    expect(missing).toMatchObject({
      ok: false,
      format: null,
      refusals: [{ file: null, line: null }],
    });
    const dir = await folder({ "0001_a.sql": "create table app.a (id int);" });
    expect((await check(dir)).end).toBe(1);
    expect((await check(dir, "--migrations-schema", "app")).end).toBe(0);
    expect((await check(dir, "--migrations-format", "goose")).end).toBe(1);
  });

  test("takes the configured folder where none is named", async () => {
    const dir = await folder({ "0001_a.sql": "create table a (id int);" });
    const ran = await tenantry(["migration", "check"], { ...bare, TENANT_MIGRATIONS_DIR: dir });
    expect(ran.stdout).toContain(dir);
    expect(ran.end).toBe(0);
  });

  test("answers wrong usage with exit code 2", async () => {
    const runs = await Promise.all([
      check(root, "--migrations-format", "liquid"),
      check(root, "--db-server", "default"),
      check(root, "--migrations-schema", "two words"),
    ]);
    expect(runs.map(({ end }) => end)).toEqual([2, 2, 2]);
  });
});

describe("over the API", () => {
  const over = async (role: string, ...words: string[]) => {
    const { orm, clock } = world.platform;
    const name = freshName("cli");
    const { value } = await createServiceToken({ em: orm.em, clock }, OPERATOR, { name, role });
    return await tenantry(["migration", "check", ...words], {
      ...bare,
      TENANTRY_URL: api.url,
      TENANTRY_TOKEN: value,
    });
  };

  test("reads the service's folder for an administrator, and for nobody else", async () => {
    const ran = await over("ADMINISTRATOR");
    expect(ran).toMatchObject({ end: 0, stderr: "" });
    expect(ran.stdout).toContain(world.platform.config.tenantMigrations.dir);
    expect(ran.stdout).toContain("✔ 3 migrations can be applied, in both isolations.");
    const refused = await over("PROVISIONER");
    expect(refused.end).toBe(1);
    expect(refused.stderr).toContain("E_FORBIDDEN");
  });

  test("reads a folder that is named here, and applies nothing", async () => {
    const dir = await folder({ "0001_a.sql": "create table a (id int);" });
    expect((await over("READONLY", dir)).stdout).toContain("✔ 1 migration can be applied");
    const applied = await over("ADMINISTRATOR", dir, "--apply");
    expect(applied.end).toBe(2);
    expect(applied.stderr).toContain("at the machine only");
    expect((await over("ADMINISTRATOR", "--migrations-format", "goose")).end).toBe(2);
  });
});

describe("--apply", () => {
  const sql = async (text: string) =>
    await asSuperuser(
      world.platform.databaseUrl,
      async (client) => (await client.query(text)).rows,
    );
  const left = async () =>
    await sql(`select datname as name from pg_database where datname ~ '^tenantry_(check_|new_[0-9a-f]{8}c4ec4000)'
      union all select rolname from pg_roles where rolname ~ '^org_check_'`);

  test("applies the files at once and one by one, tells how long that took, and leaves nothing", async () => {
    const dir = await folder({
      "0001_a.sql": "create type mood as enum ('sad'); create table a (id int, mood mood);",
      "0002_b.sql": "alter type mood add value 'happy'; create view b as select * from a;",
      "0003_c.sql": "insert into a values (1, 'happy'); create index concurrently a_id on a (id);",
    });
    const ran = await apply(dir);
    expect(ran).toMatchObject({ end: 0, stderr: "" });
    expect(ran.stdout).toMatch(
      /tried on +default, 1 table\n +at once +\d.*s\n +file by file +\d.*s\n/,
    );
    expect(ran.stdout).toContain("✔ 3 migrations were applied, with the same result at once");
    expect(await left()).toEqual([]);
  });

  test("applies a folder with schemas of its own to databases of their own", async () => {
    const dir = await folder({
      "0001_a.sql": "create table public.a (id int);",
      "0002_b.sql": "create schema billing; create table billing.b (id int);",
    });
    const result = resultOf(await apply(dir, "--json"));
    expect(result).toMatchObject({
      ok: true,
      isolation: "DATABASE",
      applied: { tables: 2, differences: [] },
    });
    expect(await left()).toEqual([]);
  });

  test("names what differs between the two, in catalogs and in rows", async () => {
    const dir = await folder({
      "0001_a.sql": "create table a (id int); insert into a values (1);",
      "0002_b.sql": `do $$ begin
        if exists (select from a where xmin = pg_current_xact_id()::xid) then
          alter table a add column together int;
        else
          insert into a values (2);
        end if; end $$;`,
    });
    const ran = await apply(dir);
    expect(ran.end).toBe(1);
    expect(ran.stdout).toMatch(
      /Different:\n[\s\S]*≠ only at once: column \$tenant\.a\.together at 2 integer/,
    );
    expect(ran.stdout).toContain("≠ only at once: rows $tenant.a 1\n");
    expect(ran.stdout).toContain("≠ only file by file: rows $tenant.a 2\n");
    expect(ran.stderr).toContain(
      "A tenant that is made anew differs from one that got the files one by one",
    );
    expect(await left()).toEqual([]);
  });

  test("names a file that PostgreSQL does not take, with line and SQLSTATE, and leaves nothing", async () => {
    const dir = await folder({
      "0001_a.sql": "create table a (id int);",
      "0002_b.sql": "create table b (id int);\ncreate table a (id int);",
    });
    const result = resultOf(await apply(dir, "--json"));
    const failure = {
      file: "0002_b.sql",
      line: 2,
      sqlstate: "42P07",
      statement: "create table a (id int)",
    };
    expect(result).toMatchObject({
      ok: false,
      refusals: [],
      applied: {
        refusals: [
          { way: "AT_ONCE", ...failure },
          { way: "FILE_BY_FILE", ...failure },
        ],
      },
    });
    expect(await left()).toEqual([]);
  });

  test("applies nothing of a folder that is refused", async () => {
    const dir = await folder({ "0001_a.sql": "copy a from stdin;" });
    expect(resultOf(await apply(dir, "--json"))).toMatchObject({ ok: false, applied: null });
  });

  test("drops what a killed check has left an hour ago, and nothing that is younger", async () => {
    const hour = Math.floor(Date.now() / 1_000) - 3_700;
    const young = Math.floor(Date.now() / 1_000) - 60;
    const made = async (seconds: number) => {
      const time = seconds.toString(16);
      const id = `${time}-c4ec-4000-8000-0000aaaaaaaa`;
      const shared = new URL(world.platform.databaseUrl).pathname.slice(1);
      const mark = `tenantry:tenant=${id};home=${shared}_tenants`;
      const [database, schema] = [
        `tenantry_check_${seconds}_aaaaaaaa`,
        `org_check_${time}aaaaaaaa`,
      ];
      await sql(`create database ${database}`);
      await sql(`comment on database ${database} is '${mark}';
        create role ${schema}_owner; comment on role ${schema}_owner is '${mark}'`);
      return [database, `${schema}_owner`];
    };
    const [, kept] = [await made(hour), await made(young)];
    const unnamed = `tenantry_new_${(hour - 9).toString(16)}c4ec400080000000bbbbbbbb`;
    await sql(`create database ${unnamed}`);
    const dir = await folder({ "0001_a.sql": "create table a (id int);" });
    const orphans = async () =>
      resultOf(await tenantry(["tenant", "doctor", "--json"], world.environment));
    expect(await orphans()).toMatchObject({ unhealthy: 1 });
    expect((await apply(dir)).end).toBe(0);
    expect(await orphans()).toMatchObject({ unhealthy: 0 });
    expect((await left()).map(({ name }) => name)).toEqual(kept);
    await sql(`drop database ${kept[0]}`);
    await sql(`drop role ${kept[1]}`);
  });

  test("needs a db server that there is", async () => {
    const dir = await folder({ "0001_a.sql": "create table a (id int);" });
    const ran = await apply(dir, "--db-server", "nowhere");
    expect(ran.end).toBe(1);
    expect(ran.stderr).toContain("E_DB_SERVER_NOT_FOUND");
  });
});

/** A folder with a statement that is passed over. */
const OWNED = {
  "0001_a.up.sql": "create table a (id int);\nalter table a owner to postgres;",
  "0001_a.down.sql": "drop table a;",
};

test("the plan of a dry run names the layout and what is passed over", async () => {
  const environment = { ...world.environment, TENANT_MIGRATIONS_DIR: await folder(OWNED) };
  const words = ["tenant", "provision", "--slug", freshSlug(), "--name", "A Lab", "--dry-run"];
  const admin = ["--admin-email", "ada@acme.test", "--lab", "Main", "--seeds", ""];
  const ran = await tenantry([...words, ...admin], environment);
  expect(ran).toMatchObject({ end: 0, stderr: "" });
  expect(ran.stdout).toMatch(/layout +golang-migrate\n/);
  expect(ran.stdout).toMatch(
    /passed over +0001_a\.up\.sql line 2: alter table a owner to postgres\n/,
  );
});

test("a service logs its folder as it starts, and one that is refused hinders it not", async () => {
  const started = async (files: Readonly<Record<string, string>>) => {
    const dir = await folder(files);
    const own = { LOG_LEVEL: "info", TENANT_MIGRATIONS_DIR: dir };
    const worker = start([COMMAND, "worker"], { ...world.environment, ...own });
    await worker.until("Ctrl-C stops it.");
    worker.child.kill("SIGTERM");
    const { end, stdout, stderr } = await worker.ended;
    expect(end).toBe(0);
    const lines = `${stdout}\n${stderr}`
      .split("\n")
      .filter((line) => line.includes("tenant migrations"));
    expect(lines).toHaveLength(1);
    return JSON.parse(lines[0] ?? "") as unknown;
  };
  expect(await started(OWNED)).toMatchObject({
    format: "GOLANG_MIGRATE",
    home: "public",
    isolation: "SCHEMA",
    migrations: 1,
    msg: "tenant migrations",
  });
  expect(await started({ "0001_a.sql": "select 1;\ncopy a from stdin;" })).toMatchObject({
    format: "PLAIN",
    refusals: 1,
    first: { file: "0001_a.sql", line: 2 },
  });
});
