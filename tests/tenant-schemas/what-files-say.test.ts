import { describe, expect, test } from "vitest";
import { sqlStateOf } from "../../src/database/faults.ts";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { openMigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";
import { verifyTenantSchema } from "../../src/tenant-schemas/verify-tenant-schema.ts";
import { applying, failureOf } from "./_apply.ts";

const { world, created, apply, migrate, alike } = applying();

describe("fresh tenants equal those that get a file at a time:", () => {
  test("a setting ends with its file, also one of a whole session", async () => {
    const files = {
      "0001_a.sql":
        "set local timezone = 'America/New_York'; set datestyle = 'SQL, DMY'; select set_config('app.x', 'y', false)",
      "0002_b.sql": `create table t (at timestamptz, day date, setting text);
        insert into t values ('2026-07-04 00:00', '01/02/2026', current_setting('app.x', true));`,
    };
    const sql =
      "select at at time zone 'UTC' = '2026-07-04', day = '2026-01-02', coalesce(setting, '') from t";
    expect(await alike(files, sql)).toEqual(["true|true|"]);
  });

  test("a setting holds until the end of its own file", async () => {
    const files = {
      "0001_a.sql": `set timezone = 'America/New_York';
        create table t (at timestamptz);
        create index concurrently i on t (at);
        insert into t values ('2026-07-04 00:00');`,
    };
    expect(await alike(files, "select (at at time zone 'UTC')::time from t")).toEqual(["04:00:00"]);
  });

  test("a search path ends with its file", async () => {
    const files = {
      "0001_a.sql": "select set_config('search_path', '', false); create table public.t (a int);",
      "0002_b.sql": "set search_path = public; create table u (a int);",
      "0003_c.sql": "create table v as select * from t, u u (b);",
    };
    expect(await alike(files, "select count(*) from v")).toEqual(["0"]);
  });

  test("a value of an enum is used in the file behind it, and behind CONCURRENTLY", async () => {
    const files = {
      "0001_a.sql":
        "create type status as enum ('open'); create table ticket (state status default 'open');",
      "0002_b.sql": "create index concurrently ticket_state on ticket (state);",
      "0003_c.sql": "alter type status add value 'closed';",
      "0004_d.sql": "insert into ticket values ('closed');",
    };
    expect(await alike(files, "select * from ticket")).toEqual(["closed"]);
  });

  test("a value of an enum is used in its own file", async () => {
    const files = {
      "0001_a.sql": "create type status as enum ('open'); create table ticket (state status);",
      "0002_b.sql": "alter type status add value 'it''s'; insert into ticket values ('it''s');",
      "0003_c.sql":
        "begin; alter type status add value 'late'; commit; begin; insert into ticket values ('late'); commit;",
    };
    expect(await alike(files, "select * from ticket order by 1")).toEqual(["it's", "late"]);
  });

  test("temporary tables and functions are their file's alone", async () => {
    const files = {
      "0001_a.sql": `create temp table work as select 1 as a;
        create function pg_temp.twice(int) returns int language sql as 'select $1 * 2';
        select a into temp other from work;
        create table t as select pg_temp.twice(a) as a from work, other o (b);`,
      "0002_b.sql":
        "create temporary table work (a text); insert into work values ('x'); create table u as table work;",
    };
    expect(await alike(files, "select t.a, u.a from t, u")).toEqual(["2|x"]);
    const left =
      "select count(*)::int as n from pg_class where relnamespace = pg_my_temp_schema() and relkind = 'r'";
    expect((await world.client.query(left)).rows).toEqual([{ n: 0 }]);
  });

  test("temporary tables are there until their file's end, also where it is no transaction", async () => {
    const files = {
      "0001_a.sql": "create table t (a int);",
      "0002_b.sql":
        "create temp table work (a int); create index concurrently i on t (a); create table u as table work;",
    };
    expect(await alike(files, "select count(*) from u")).toEqual(["0"]);
  });

  test("a value of an enum is used whose type was changed in between", async () => {
    const files = {
      "0001_a.sql":
        "create type s as enum ('a'); create table t (s s); alter type s rename to state;",
      "0002_b.sql": "alter type state add value 'b';",
      "0003_c.sql": "alter type state rename value 'a' to 'c'; insert into t values ('b'), ('c');",
    };
    expect(await alike(files, "select * from t order by 1")).toEqual(["c", "b"]);
  });

  test("what pg_dump has written", async () => {
    const files = {
      "0001_dump.sql": `SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
CREATE TYPE public.mood AS ENUM ('sad', 'ok');
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN NEW.n := (SELECT count(*) FROM public.t); RETURN NEW; END $$;
CREATE TABLE public.t (id integer NOT NULL, name public.citext, m public.mood DEFAULT 'ok'::public.mood, n bigint);
ALTER TABLE public.t OWNER TO postgres;
CREATE SEQUENCE public.t_id_seq AS integer START WITH 1;
ALTER SEQUENCE public.t_id_seq OWNED BY public.t.id;
ALTER TABLE ONLY public.t ALTER COLUMN id SET DEFAULT nextval('public.t_id_seq'::regclass);
CREATE VIEW public.v AS SELECT t.id FROM public.t WHERE (t.m = 'ok'::public.mood);
SELECT pg_catalog.setval('public.t_id_seq', 41, true);
ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE TRIGGER touch BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.touch();
GRANT SELECT ON TABLE public.t TO nosuch_role;`,
      "0002_rows.sql":
        "insert into t (name) values ('X'); insert into public.t (name) values ('y');",
    };
    const sql =
      "select v.id, name, m, n from v join t using (id) where name in ('x', 'Y') order by 1";
    expect(await alike(files, sql)).toEqual(["42|X|ok|0", "43|y|ok|1"]);
  });

  test("functions that are hardened are used in indexes and views", async () => {
    const files = {
      "0001_a.sql": `create extension if not exists unaccent;
        create table person (id int primary key, name text not null);
        create function clean(text) returns text language sql immutable set search_path from current
          as 'select lower(unaccent($1))';
        create index person_clean on person (clean(name));`,
      "0002_b.sql": `create function public.total(int) returns bigint language sql stable set search_path = ''
          as 'select sum(id) from public.person where id <= $1';
        insert into person values (1, 'É');
        create materialized view totals as select id, total(id) from person;`,
      "0003_c.sql": `create function who(int) returns text language sql stable security definer
          set search_path = public, pg_temp set work_mem = '8MB' as 'select clean(name) from person where id = $1';`,
    };
    expect(await alike(files, "select id, total, who(1) from totals")).toEqual(["1|1|e"]);
  });

  test("extensions' classes, types and functions are found by the name of the home schema", async () => {
    const files = {
      "0001_a.sql": `create extension pg_trgm with schema public; create extension if not exists citext;
        create table public.t (a public.citext, b text);
        create index i on public.t using gin (b public.gin_trgm_ops);
        insert into public.t values ('X', 'abc');`,
      "0002_b.sql":
        "create view public.v as select public.similarity(b, 'abc') as s from public.t where a operator(public.=) 'x'::public.citext;",
    };
    expect(await alike(files, "select s from v")).toEqual(["1"]);
  });

  test("what is made by SELECT INTO, and the table that a tool keeps", async () => {
    const files = {
      "0001_a.sql": "select 1 as a into t; comment on table schema_migrations is 'x';",
      "0002_b.sql": "insert into schema_migrations values (1, false);",
    };
    expect(await alike(files, "select a, version from t, schema_migrations")).toEqual(["1|1"]);
  });

  test("a policy for a role that is not there lets nobody in", async () => {
    const files = {
      "0001_a.sql": `create table t (a int); alter table t enable row level security;
        create policy p on t to nosuch_role using (true);
        grant select on t to nosuch_role;`,
    };
    const sql = "select polroles = '{0}' from pg_policy where polrelid = 't'::regclass";
    expect(await alike(files, sql)).toEqual(["false"]);
  });
});

describe("a timeout", () => {
  const SLEEP = "set statement_timeout = '100ms';\nselect pg_sleep(20);";

  test.each(["one-transaction", "transaction-per-file"] as const)(
    "is obeyed in its file, %s",
    async (mode) => {
      const tenant = await created();
      const files = { "0001_a.sql": "select 1", "0002_b.sql": SLEEP, "0003_c.sql": "select 1" };
      expect(await failureOf(apply(tenant, files, { mode }))).toMatchObject({
        code: "E_MIGRATIONS_FAILED",
        migration: { file: "0002_b.sql", line: 2, sqlState: "57014" },
      });
    },
  );

  test("ends with its file, or where the file says so", async () => {
    const files = {
      "0001_a.sql": "set local statement_timeout = '100ms'; select 1;",
      "0002_b.sql": "select pg_sleep(0.2);",
      "0003_c.sql":
        "set statement_timeout = '100ms'; reset statement_timeout; select pg_sleep(0.2);",
    };
    expect(await alike(files, "select 1")).toEqual(["1"]);
  });

  test("is no longer than the operator's bound", async () => {
    const limits = { longestTimeoutMs: 100 };
    for (const asked of ["'30min'", "0"]) {
      const files = { "0001_a.sql": `set statement_timeout = ${asked};\nselect pg_sleep(20);` };
      const error = await failureOf(apply(await created(), files, { limits }));
      expect(error.migration).toMatchObject({ file: "0001_a.sql", line: 2, sqlState: "57014" });
    }
  });

  test("of an index that is built CONCURRENTLY is obeyed, and there is none without", async () => {
    const tenant = await created();
    const table = `create table t (a int); insert into t values (1);
      create function slow(int) returns int immutable language plpgsql as 'begin perform pg_sleep(0.3); return $1; end';`;
    const files = {
      "0001_a.sql": table,
      "0002_b.sql": "create index concurrently i on t (slow(a));",
    };
    const options = { limits: { statementTimeoutMs: 100 } };
    await migrate(tenant, files, options);
    const bounded = {
      ...files,
      "0003_c.sql": "set statement_timeout = '50ms';\ncreate index concurrently j on t (slow(a));",
    };
    expect((await failureOf(migrate(tenant, bounded, options))).migration).toMatchObject({
      file: "0003_c.sql",
      line: 2,
      sqlState: "57014",
    });
  });

  test("of a lock is one that passes", async () => {
    const tenant = await created();
    const files = { "0001_a.sql": "create table t (a int)" };
    await apply(tenant, files);
    const blocker = await world.connect();
    await blocker.query(`begin; lock table ${tenant.names.schema}.t`);
    const more = { ...files, "0002_b.sql": "set lock_timeout = '50ms'; alter table t add b int;" };
    expect(sqlStateOf(await failureOf(apply(tenant, more)))).toBe("55P03");
    await blocker.query("rollback");
  });
});

describe("a file of a branch that was merged late", () => {
  test("is named, with the one that came before it, where it is applied and where it is looked for", async () => {
    const [a, b, c] = ["create table a ();", "create table b ();", "create table c ();"];
    const early = { "20260101000000_a.sql": a, "20260103000000_c.sql": c };
    const merged = { ...early, "20260102000000_b.sql": b };
    const tenant = await created();
    await apply(tenant, early);
    const failure = await failureOf(migrate(tenant, merged));
    const message =
      "20260102000000_b.sql is new but comes before 20260103000000_c, which was applied";
    expect(failure).toMatchObject({ code: "E_MIGRATION_DRIFT", message });
    const folder = await openMigrationFolder(settingsFor(await world.folder(merged)));
    const { checks } = await verifyTenantSchema(world.client, { names: tenant.names, folder });
    expect(checks).toContainEqual(
      expect.objectContaining({ name: "MIGRATIONS", passed: false, message }),
    );
  });
});
