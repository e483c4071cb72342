import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { openMigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";

async function folderOf(files: Record<string, string>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "tenantry-folder-"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content);
  return dir;
}

const open = async (sql: string) =>
  openMigrationFolder(settingsFor(await folderOf({ "0001_it.sql": sql })));

describe("a migration folder", () => {
  test("is refused when it does not exist, and empty where that is meant", async () => {
    const settings = settingsFor("/nowhere/at/all");
    await expect(openMigrationFolder(settings)).rejects.toMatchObject({
      code: "E_MIGRATION_FOLDER",
      message: expect.stringContaining("/nowhere/at/all does not exist"),
    });
    const empty = { ...settingsFor(await folderOf({})), format: "NONE" } as const;
    expect((await openMigrationFolder(empty)).migrations).toEqual([]);
  });

  test("is read in the order of the numbers, with the line of each statement", async () => {
    const dir = await folderOf({
      "0010_b.sql": "create table b (a int);",
      "0002_a.sql":
        "\uFEFF-- é first\r\n/* a /* nested */ one */\r\ncreate table a (x text);\r\n\r\n-- é\r\ninsert into a values ('é; $$');\r\n",
      "readme.md": "no",
    });
    const { migrations } = await openMigrationFolder(settingsFor(dir));
    expect(migrations.map(({ id }) => id)).toEqual(["0002_a", "0010_b"]);
    expect(migrations[0]?.statements.map(({ line, kind, text }) => [line, kind, text])).toEqual([
      [3, "CreateStmt", "create table a (x text)"],
      [6, "InsertStmt", "insert into a values ('é; $$')"],
    ]);
  });

  test("sees a changed file at the next call, and keeps what did not change", async () => {
    const dir = await folderOf({ "0001_a.sql": "select 1", "0002_b.sql": "selec 1" });
    await expect(openMigrationFolder(settingsFor(dir))).rejects.toMatchObject({
      code: "E_MIGRATIONS_FAILED",
      message: '0002_b.sql line 1: syntax error at or near "selec"',
    });
    await writeFile(join(dir, "0002_b.sql"), "select 2");
    const before = await openMigrationFolder(settingsFor(dir));
    await writeFile(join(dir, "0002_b.sql"), "select 3");
    const after = await openMigrationFolder(settingsFor(dir));
    expect(after.migrations[0]).toBe(before.migrations[0]);
    expect(after.migrations[1]?.sha256).not.toBe(before.migrations[1]?.sha256);
  });

  test("refuses two files of one number", async () => {
    const dir = await folderOf({ "0001_a.sql": "select 1", "01_b.sql": "select 1" });
    await expect(openMigrationFolder(settingsFor(dir))).rejects.toMatchObject({
      code: "E_MIGRATION_FOLDER",
    });
  });

  test("takes extensions out of the file", async () => {
    const { migrations } = await open('select 1;\ncreate extension if not exists "citext";');
    expect(migrations[0]?.statements).toHaveLength(1);
    expect(migrations[0]?.extensions).toMatchObject([
      { name: "citext", wantedBy: "0001_it.sql line 2" },
    ]);
  });

  test.each([
    [
      "create index concurrently i on t (a);\nselect 1",
      "CONCURRENTLY runs outside of a transaction",
    ],
    ["commit;\ncreate index concurrently i on t (a);\nbegin;", "COMMIT leaves the transaction"],
    [
      "alter type e add value 'x';\ninsert into t values ('x')",
      "a value that the file adds to an enum",
    ],
  ])("tells what cannot be one transaction in a schema in use: %s", async (sql, why) => {
    const [migration] = (await open(sql)).migrations;
    expect(migration?.apart?.why).toContain(why);
  });

  test("refuses an index built CONCURRENTLY without a name", async () => {
    await expect(open("create index concurrently on t (a)")).rejects.toThrow("needs a name");
  });
});

const REFUSED: readonly (readonly [string, string])[] = [
  ["rollback", "ROLLBACK is not allowed"],
  ["savepoint a", "SAVEPOINT is not allowed"],
  ["prepare transaction 'a'", "PREPARE TRANSACTION is not allowed"],
  ["set search_path = elsewhere", "search_path with the schema"],
  ["set local search_path to 'elsewhere'", "search_path with the schema"],
  ["set schema 'elsewhere'", "search_path with the schema"],
  ["set role postgres", "SET ROLE"],
  ["set local role none", "SET LOCAL ROLE"],
  ["reset role", "RESET ROLE"],
  ["reset all", "RESET ALL"],
  ["set session authorization postgres", "SET SESSION AUTHORIZATION"],
  ["set transaction isolation level serializable", "SET TRANSACTION ISOLATION"],
  ["discard all", "DISCARD ALL"],
  ["select set_config('search_path', 'elsewhere', true)", '"elsewhere"'],
  ["select pg_catalog.set_config('ro' || 'le', 'none', false)", "set_config"],
  ["alter schema a rename to b", "ALTER SCHEMA"],
  ["drop schema org_x", "DROP SCHEMA"],
  ["comment on schema org_x is 'x'", "COMMENT ON"],
  ["create table elsewhere.x (a int)", '"elsewhere"'],
  ['create table "Elsewhere".x (a int)', '"Elsewhere"'],
  ['create table U&"elsewh\\0065re".x (a int)', '"elsewhere"'],
  ["create table other_database.elsewhere.x (a int)", '"other_database"'],
  ["create table x (a elsewhere.t)", '"elsewhere"'],
  ["create table x (a int references platform.tenant (id))", '"platform"'],
  ["create table x () inherits (elsewhere.x)", '"elsewhere"'],
  ["create table x (like elsewhere.x)", '"elsewhere"'],
  ["create table x partition of elsewhere.y default", '"elsewhere"'],
  ["create table x (a int default elsewhere.f())", '"elsewhere"'],
  ["create view v as select * from platform.tenant", '"platform"'],
  ["create view v as select platform.tenant.id from tenant", '"platform"'],
  ["create table x as select * from elsewhere.y", '"elsewhere"'],
  ["select * from a join (select * from elsewhere.b) b using (x)", '"elsewhere"'],
  ["with a as (delete from elsewhere.b returning *) select * from a", '"elsewhere"'],
  ["select '1'::elsewhere.t", '"elsewhere"'],
  ["select elsewhere.f()", '"elsewhere"'],
  ["select 1 operator(elsewhere.+) 2", '"elsewhere"'],
  ["select 'a' collate elsewhere.c", '"elsewhere"'],
  ["insert into elsewhere.x values (1)", '"elsewhere"'],
  ["update elsewhere.x set a = 1", '"elsewhere"'],
  ["truncate a, elsewhere.b", '"elsewhere"'],
  ["drop table elsewhere.x", '"elsewhere"'],
  ["drop table x, elsewhere.y", '"elsewhere"'],
  ["drop function elsewhere.f(int)", '"elsewhere"'],
  ["drop type elsewhere.t", '"elsewhere"'],
  ["drop trigger t on elsewhere.x", '"elsewhere"'],
  ["alter table elsewhere.x add column a int", '"elsewhere"'],
  ["alter table x rename to tenantry_x", "reserved"],
  ["alter table t set schema elsewhere", "moved to another schema"],
  ["alter function f() set schema elsewhere", "moved to another schema"],
  ["alter type elsewhere.t add value 'x'", '"elsewhere"'],
  ["alter sequence s owned by elsewhere.x.a", '"elsewhere"'],
  ["comment on table elsewhere.x is ''", '"elsewhere"'],
  ["comment on column elsewhere.x.a is ''", '"elsewhere"'],
  ["comment on function elsewhere.f(int) is ''", '"elsewhere"'],
  ["comment on role postgres is ''", "COMMENT ON is not allowed"],
  ["create index i on t using gin (a elsewhere.gin_trgm_ops)", '"elsewhere"'],
  [
    "create trigger t before insert on x for each row execute function elsewhere.f()",
    '"elsewhere"',
  ],
  ["create function elsewhere.f() returns int language sql as 'select 1'", '"elsewhere"'],
  [
    "create function f() returns int language sql begin atomic select elsewhere.g(); end",
    '"elsewhere"',
  ],
  [
    "create function f() returns int language sql set search_path = elsewhere as 'select 1'",
    "search_path with the schema",
  ],
  [
    "create function f() returns int language sql security definer set role none as 'select 1'",
    "SET role of a function",
  ],
  ["alter function f() set search_path = elsewhere", "search_path with the schema"],
  ["create function f() returns int language plperl as 'x'", "plperl"],
  ["create function f() returns int as '$libdir/x', 'f' language c", "language c"],
  [
    "create function f() returns void language plpgsql as $x$ begin set /* */ role postgres; end $x$",
    "SET ROLE",
  ],
  ["do $$ begin execute 'reset role'; end $$", "SET ROLE"],
  ["do $$ begin update tenantry_migration set sha256 = ''; end $$", "tenantry_"],
  ["update tenantry_migration set sha256 = ''", "reserved"],
  ["drop table tenantry_migration", "reserved"],
  ["alter role x superuser", "ALTER ROLE"],
  ["alter role x set search_path = elsewhere", "ALTER ROLE"],
  ["grant select on elsewhere.x to y", '"elsewhere"'],
  ["grant usage on schema org_x to y", "GRANT on schema"],
  ["grant select on all tables in schema org_x to y", "all objects of the schema"],
  ["reassign owned by a to b", "REASSIGN OWNED"],
  ["drop owned by a", "DROP OWNED"],
  ["create database x", "CREATE DATABASE"],
  ["alter database x set search_path = elsewhere", "ALTER DATABASE"],
  ["drop database x", "DROP DATABASE"],
  ["create tablespace x location '/x'", "CREATE TABLESPACE"],
  ["alter system set fsync = off", "ALTER SYSTEM"],
  ["copy t from program 'id'", "COPY is not allowed"],
  ["copy t to '/tmp/x'", "COPY is not allowed"],
  ["vacuum t", "VACUUM"],
  ["cluster", "CLUSTER of all tables"],
  ["reindex database x", "REINDEX of a schema"],
  ["listen x", "LISTEN"],
  ["load 'x'", "LOAD"],
  ["prepare p as select 1", "PREPARE is not allowed"],
  ["declare c cursor with hold for select 1", "DECLARE"],
  ["security label on table x is 'y'", "SECURITY LABEL"],
  ["create event trigger e on ddl_command_start execute function f()", "CREATE EVENT TRIGGER"],
  ["create publication p for all tables", "a publication of all tables"],
  ["create subscription s connection '' publication p", "CREATE SUBSCRIPTION"],
  ["create server s foreign data wrapper w", "CREATE SERVER"],
  ["create foreign table t (a int) server s", "CREATE FOREIGN TABLE"],
  ["import foreign schema a from server s into b", "IMPORT FOREIGN"],
  ["create language plperl", "CREATE LANGUAGE"],
  ["create access method m type index handler h", "CREATE ACCESS"],
];

const ALLOWED: readonly string[] = [
  "create table x (a pg_catalog.int4 primary key, b ext.citext, unique (a, b), foreign key (a, b) references y (a, b))",
  "create type mood as enum ('sad', 'ok'); alter type mood add value 'happy' after 'ok'",
  "create view v (a, b) as select t.a, t.b from t (a, b) join u using (a, b)",
  "create trigger t before update of a, b on x for each row execute function f('a', 'b')",
  "insert into x as y (a, b) values (1, 2) on conflict (a, b) do update set a = excluded.a",
  "with c (x, y) as (select 1, 2) select x, y from c for update",
  "comment on column x.a is 'set role'; comment on constraint c on x is ''; drop trigger t on x",
  "alter sequence s owned by x.a; create statistics s (ndistinct, mcv) on a, b from x",
  "alter table x rename column a to b; alter table x rename to y; drop view if exists v",
  "create function f() returns trigger language plpgsql security definer as $$ begin new.role := 'set'; return new; end $$",
  "do $$ begin execute format('create table %I ()', 'x'); end $$",
  "select set_config('app.user', 'x', true)",
  "set local lock_timeout = '1s'; set local timezone = 'UTC'; analyze x; lock table x",
  "create table x (r int4range, exclude using gist (r with &&)); set constraints all deferred",
  "select (x).a.b.c, extract(year from now()), 'public.x', 'COMMIT' from x -- commit; set role",
  "revoke execute on function f() from public; create aggregate a (int) (sfunc = f, stype = int)",
  "create text search configuration c (copy = pg_catalog.english); alter text search configuration c alter mapping for asciiword, word with ext.unaccent, english_stem",
];

describe("a tenant migration", () => {
  test.each(REFUSED)("may not hold: %s", async (sql, reason) => {
    await expect(open(sql)).rejects.toMatchObject({
      code: "E_MIGRATION_UNSAFE",
      message: expect.stringContaining(reason),
      migration: { file: "0001_it.sql" },
    });
  });

  test.each(ALLOWED)("may hold: %s", async (sql) => {
    expect((await open(sql)).migrations).toHaveLength(1);
  });
});
