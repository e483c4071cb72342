import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { compileFile } from "../../src/sql-files/compiler.ts";
import { type SqlFile, textIn } from "../../src/sql-files/sql-file.ts";
import { openMigrationFolder, readMigrations } from "../../src/tenant-schemas/migration-folder.ts";
import { openFolder } from "../kit/folders.ts";
import { writeFiles } from "../migration-folders/_folder.ts";

const compile = (text: string, kind: "MIGRATION" | "SEED" = "MIGRATION"): Promise<SqlFile> =>
  compileFile("0001_it.sql", { text, kind, homes: ["public"] }, "E_MIGRATIONS_FAILED");

async function withFolder<T>(
  files: Record<string, string>,
  work: (settings: ReturnType<typeof settingsFor>) => Promise<T>,
): Promise<T> {
  await using folder = await openFolder();
  await writeFiles(folder.path, files);
  return await work(settingsFor(folder.path));
}
const open = (files: Record<string, string>, schema: string | null = null) =>
  withFolder(files, (settings) => openMigrationFolder({ ...settings, schema }));

/** What a tenant of a shared database is sent. */
const sentOf = ({ statements }: Pick<SqlFile, "statements">): (string | null)[] => {
  const sets = {
    inExtensions: new Set(["citext"]),
    created: new Set<string>(),
    roles: new Set<string>(),
  };
  return statements.map((each) => textIn({ ...sets, schema: "org_x", concurrently: false }, each));
};

describe("a folder's files", () => {
  test("are refused for the first thing in their order, each time", async () => {
    const files = {
      "0001_a.sql": "select 1;\nvacuum;\nrollback;",
      "0002_b.sql": "selec 1",
      "0003_c.sql": "create table elsewhere.t ();",
    };
    for (let again = 0; again < 3; again++)
      await expect(open(files)).rejects.toMatchObject({
        code: "E_MIGRATION_UNSAFE",
        message: "0001_a.sql line 2: VACUUM is not allowed in a tenant migration",
        migration: { file: "0001_a.sql", line: 2, statement: "vacuum" },
      });
    const { refusals } = await withFolder(files, readMigrations);
    expect(refusals.map(({ file, line }) => `${file} ${line}`)).toEqual([
      ...["0001_a.sql 2", "0001_a.sql 3", "0002_b.sql 1", "0003_c.sql 1"],
    ]);
    expect(refusals[3]?.why).toContain("TENANT_MIGRATIONS_SCHEMA=elsewhere");
  });

  test("are told to commit by what they call, wherever it is made", async () => {
    const files = {
      "0001_a.sql": "create procedure public.fill() language plpgsql as $$ begin commit; end $$",
      "0002_b.sql": "select 1;\ncall fill();",
    };
    const why = { line: 2, why: "its code commits by itself" };
    expect((await open(files)).migrations.map(({ apart }) => apart)).toEqual([null, why]);
    const harmless = { ...files, "0001_a.sql": files["0001_a.sql"].replace("commit", "null") };
    expect((await open(harmless)).migrations.map(({ apart }) => apart)).toEqual([null, null]);
  });

  test("with a name in one schema of their own and without a schema need a database", async () => {
    const folder = await open({
      "0001_a.sql": "create schema audit;\ncreate table audit.log (a int);",
      "0002_b.sql": "create table if not exists log (b int);",
    });
    expect(folder).toMatchObject({
      home: "public",
      needsDatabase: { file: "0001_a.sql", line: 1 },
    });
  });

  test("with one schema of their own call the tenant's schema so", async () => {
    const folder = await open({
      "0001_a.sql": "create schema if not exists app;\ncreate table app.t (id int, k app.kind);",
      "0002_b.sql": "set search_path = app, public;\ncreate table u (t int references app.t);",
      "0003_c.sql":
        "grant usage on schema app to x;\ncomment on schema app is 'x';\ndrop table app.t;",
    });
    expect(folder).toMatchObject({ home: "app", needsDatabase: null });
    expect(folder.migrations.flatMap(sentOf)).toEqual([
      null,
      "create table org_x.t (id int, k org_x.kind)",
      "set search_path = org_x, ext, public",
      "create table u (t int references org_x.t)",
      "drop table org_x.t",
    ]);
    expect(folder.migrations[2]?.passedOver).toHaveLength(2);
  });

  test("with several schemas, or one beside public, need a database", async () => {
    for (const sql of [
      "create schema a; create schema b; create table a.t (); create table b.t ();",
      "create schema a; create table a.t (); create table public.t ();",
      "create schema a; do $$ begin execute 'create table public.t ()'; end $$; create table a.t ()",
    ]) {
      const folder = await open({ "0001_a.sql": sql });
      expect(folder.needsDatabase).toMatchObject({ file: "0001_a.sql", line: 1 });
    }
    await expect(open({ "0001_a.sql": "create schema a; create table b.t ();" })).rejects.toThrow(
      /"b".*no file creates it/,
    );
  });

  test("call it as they are told to, with extensions in public", async () => {
    const files = { "0001_a.sql": "create table auth.t (mail public.citext, k auth.kind);" };
    const folder = await open(files, "auth");
    expect(folder).toMatchObject({ home: "auth", needsDatabase: null });
    expect(folder.migrations.flatMap(sentOf)).toEqual([
      "create table org_x.t (mail ext.citext, k org_x.kind)",
    ]);
    await expect(open(files)).rejects.toThrow(/TENANT_MIGRATIONS_SCHEMA=auth/);
  });
});

describe("the table that a tool keeps itself", () => {
  test.each([
    ["comment on table schema_migrations is 'x'", "schema_migrations"],
    ["comment on table public.schema_migrations is 'x'", "org_x.schema_migrations"],
    ["alter table _sqlx_migrations add column note text", "_sqlx_migrations"],
    ["grant select on __diesel_schema_migrations to public", "__diesel_schema_migrations"],
    ["insert into goose_db_version (version_id, is_applied) values (0, true)", "goose_db_version"],
    [
      "create trigger x before insert on _prisma_migrations for each row execute function f()",
      "_prisma_migrations",
    ],
  ])("is made where a file speaks of it: %s", async (text, name) => {
    const file = await compile(`${text};\n${text}`);
    const [made, ...rest] = sentOf(file);
    expect(made).toContain(`create table if not exists ${name} (`);
    expect(rest).toHaveLength(2);
  });

  test("is the file's own where the file makes it", async () => {
    const text = "create table schema_migrations (version text); drop table schema_migrations";
    expect(sentOf(await compile(text))).toHaveLength(2);
    expect(sentOf(await compile("insert into t values ('schema_migrations')"))).toHaveLength(1);
  });
});

describe("a seed", () => {
  test.each([
    "insert into t values (1) on conflict do nothing",
    "insert into public.t select 1 where not exists (select from public.t)",
    "select setval('t_id_seq', (select max(id) from t))",
    "select setval('public.t_id_seq'::regclass, coalesce(max(id), 1)) from public.t",
    "select pg_catalog.setval(pg_get_serial_sequence('t', 'id'), max(id)) from t",
    "select setval('a_seq', max(a)), setval('b_seq', max(b), true) from t",
  ])("may be repeated: %s", async (text) => {
    const file = await compile(text, "SEED");
    expect(file.refusals).toEqual([]);
    expect(sentOf(file)).toEqual([text.replaceAll("public.", "org_x.")]);
  });

  test.each([
    ["insert into t values (1)", /ON CONFLICT/],
    ["update t set a = 1", /only INSERT and SELECT setval/],
    ["select setval('s', 5)", /from a table/],
    ["select setval('s', max(id)), pg_sleep(1) from t", /only INSERT/],
    ["select nextval('s')", /only INSERT/],
    ["select setval('other.s', max(id)) from t", /qualified/],
    ["with x as (delete from t returning id) select setval('s', max(id)) from x", /only INSERT/],
    ["begin", /only INSERT/],
    ["set timezone = 'UTC'", /only INSERT/],
  ])("may not do else: %s", async (text, why) => {
    expect((await compile(text, "SEED")).refusals).toMatchObject([
      { line: 1, why: expect.stringMatching(why) },
    ]);
  });
});

describe("a large file", () => {
  const chain = (operands: number) => Array.from({ length: operands }, (_, at) => `'${at}'`);

  test.each([
    ["60,000 operands", () => `select ${chain(60_000).join(" || ")}`],
    [
      "60,000 operands in a body",
      () => `do $$ begin perform ${chain(60_000).join(" || ")}; end $$`,
    ],
    [
      "20,000 UNION ALL",
      () =>
        chain(20_000)
          .map((value) => `select ${value}`)
          .join("\nunion all\n"),
    ],
    ["3,000 parentheses", () => `select ${"(".repeat(3_000)}1${")".repeat(3_000)}`],
    [
      "20,000 statements",
      () =>
        chain(20_000)
          .map((value) => `select ${value};`)
          .join("\n"),
    ],
  ])("is taken with %s", async (_, text) => {
    const { statements, refusals } = await compile(text());
    expect(refusals).toEqual([]);
    expect(statements.length).toBeGreaterThan(0);
  });

  test("that is nested too deep is refused by name, and the next file is read", async () => {
    const deep = `select ${"-(".repeat(400_000)}1${")".repeat(400_000)}`;
    await expect(compile(deep)).rejects.toMatchObject({
      code: "E_MIGRATIONS_FAILED",
      message: expect.stringMatching(/^0001_it.sql /),
      migration: { file: "0001_it.sql" },
    });
    expect((await compile("select 'after a deep one'")).statements).toHaveLength(1);
  });

  test("with an INSERT of 10 MB leaves the process to others meanwhile", async () => {
    const row = `(1, '${"x".repeat(200)}')`;
    const text = `insert into t values ${Array.from({ length: 50_000 }, () => row).join(",\n")}`;
    const order: string[] = [];
    const compiling = compile(text).then((file) => {
      order.push("compiled");
      return file;
    });
    for (let turn = 0; turn < 3; turn++) {
      await setImmediate();
      order.push("turn");
    }
    expect((await compiling).statements).toMatchObject([{ table: "t" }]);
    expect(order).toEqual(["turn", "turn", "turn", "compiled"]);
  });
});
