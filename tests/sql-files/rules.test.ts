import { describe, expect, test } from "vitest";
import { compileFile } from "../../src/sql-files/compiler.ts";
import { type Place, rolesNamed, type SqlFile, textIn } from "../../src/sql-files/sql-file.ts";

const compile = (text: string, kind: "MIGRATION" | "SEED" = "MIGRATION"): Promise<SqlFile> =>
  compileFile("0001_it.sql", { text, kind, homes: ["public"] }, "E_MIGRATIONS_FAILED");

/** A tenant's schema on a server that has the role `reporting`. */
const TENANT: Place = {
  schema: "org_x",
  inExtensions: new Set(),
  created: new Set(),
  roles: new Set(["reporting"]),
  concurrently: false,
};

/** What is sent, one statement a line; nothing of the file is refused. */
async function sent(text: string, place: Partial<Place> = {}): Promise<string[]> {
  const { refusals, statements } = await compile(text);
  expect(refusals).toEqual([]);
  return statements.flatMap((statement) => textIn({ ...TENANT, ...place }, statement) ?? []);
}

const refusalsOf = async (text: string) =>
  (await compile(text)).refusals.map(({ line, why }) => `${line}: ${why}`);

/** Why statements are not carried out. */
async function passedOver(text: string): Promise<string[]> {
  const { refusals, passedOver } = await compile(text);
  expect(refusals).toEqual([]);
  return passedOver.map(({ line, why }) => `${line}: ${why}`);
}

describe("a setting at the top of a file", () => {
  test.each([
    "set timezone = 'UTC'",
    "set time zone 'America/New_York'",
    "set local datestyle = 'SQL, DMY'",
    "set session work_mem = '64MB'",
    "set client_min_messages to warning",
    "set check_function_bodies = false",
    "set row_security = off",
    "set app.tenant = 'x'",
    "reset timezone",
    "set maintenance_work_mem to default",
    "select set_config('app.user', 'x', false)",
    "select pg_catalog.set_config('timezone', 'UTC', true)",
  ])("holds for the rest of it: %s", async (text) => {
    const { refusals, statements } = await compile(text);
    expect(refusals).toEqual([]);
    expect(statements).toMatchObject([{ text, setting: { timeout: null } }]);
  });

  test.each([
    ["set statement_timeout = '2s'", "statement_timeout", 2_000],
    ["set local lock_timeout = 500", "lock_timeout", 500],
    ["set statement_timeout to '1.5min'", "statement_timeout", 90_000],
    ["set statement_timeout = 0", "statement_timeout", 0],
    ["set lock_timeout to default", "lock_timeout", null],
    ["reset statement_timeout", "statement_timeout", null],
    ["select set_config('statement_timeout', '3s', false)", "statement_timeout", 3_000],
  ])("is a bound that is known: %s", async (text, name, ms) => {
    const { statements, refusals } = await compile(text);
    expect(refusals).toEqual([]);
    expect(statements[0]?.setting).toEqual({ timeout: { name, ms } });
  });

  test.each([
    "set client_encoding = 'UTF8'",
    "set standard_conforming_strings = on",
    "set xmloption = content",
    "set default_tablespace = ''",
    "set default_table_access_method = heap",
    "set idle_in_transaction_session_timeout = 0",
    "set transaction_timeout = '1min'",
  ])("says what is so anyway, and is left out without a word: %s", async (text) => {
    expect(await compile(text)).toMatchObject({ statements: [], passedOver: [], refusals: [] });
  });

  test.each([
    "set client_encoding = 'LATIN1'",
    "set standard_conforming_strings = off",
    "set default_tablespace = 'fast'",
    "set default_table_access_method = columnar",
    "set session_replication_role = replica",
    "set statement_timeout = 'soon'",
    "set log_statement = 'none'",
    "select set_config('session_replication_role', 'replica', false)",
    "select set_config('statement_timeout', 'soon', false)",
    "select set_config('role', 'x', false)",
  ])("is refused where it is no harmless one: %s", async (text) => {
    expect(await refusalsOf(text)).toMatchObject([expect.stringMatching(/^1: .*not allowed/)]);
  });

  test("at the head of a dump is taken as it is", async () => {
    const head = `SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA public;
COMMENT ON SCHEMA public IS 'standard public schema';
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
COMMENT ON EXTENSION citext IS 'case-insensitive';
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.t (id integer NOT NULL);
ALTER TABLE public.t OWNER TO postgres;
ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);`;
    expect((await sent(head)).filter((text) => /TABLE/.test(text))).toEqual([
      "CREATE TABLE org_x.t (id integer NOT NULL)",
      "ALTER TABLE ONLY org_x.t ADD CONSTRAINT t_pkey PRIMARY KEY (id)",
    ]);
    expect((await compile(head)).extensions).toEqual([{ name: "citext", line: 14 }]);
    expect((await passedOver(head)).map((why) => why.split(":")[0])).toEqual(["13", "15", "19"]);
  });
});

describe("a file's own transaction", () => {
  const unitsOf = async (text: string) => (await compile(text)).statements.map(({ unit }) => unit);

  test("is the file's", async () => {
    const text = "begin; select 1; select 2; commit;";
    expect(await sent(text)).toEqual(["select 1", "select 2"]);
    expect(await compile(text)).toMatchObject({ apart: null });
    for (const [begin, end] of [
      ["begin work", "end"],
      ["start transaction isolation level serializable", "commit and no chain"],
      ["begin transaction", "end transaction"],
    ])
      expect(await sent(`${begin}; select 1; ${end}`)).toEqual(["select 1"]);
  });

  test("one of several is a unit of its own", async () => {
    const text = "select 0; begin; select 1; select 2; commit; begin; select 3; end; select 4";
    expect(await compile(text)).toMatchObject({ refusals: [], apart: null });
    expect(await unitsOf(text)).toEqual([1, 2, 2, 3, 4]);
  });

  test("that is left by a bare COMMIT makes the file no transaction", async () => {
    const text = "create table t (a int);\ncommit;\ncreate index concurrently i on t (a);\nbegin;";
    expect(await compile(text)).toMatchObject({
      refusals: [],
      apart: { line: 2, why: expect.stringContaining("COMMIT") },
    });
    expect(await sent(text, { concurrently: true })).toHaveLength(2);
  });

  test.each(["rollback", "savepoint a", "release a", "rollback to a", "commit and chain"])(
    "may not be ended by halves: %s",
    async (text) => {
      expect(await refusalsOf(`begin;\n${text};\ncommit;`)).toMatchObject([
        expect.stringMatching(/^2: .*not allowed/),
      ]);
    },
  );

  test("may not be within another, nor hold CONCURRENTLY", async () => {
    expect(await refusalsOf("begin;\nselect 1;")).toEqual([]);
    expect(await refusalsOf("begin;\nbegin;\nselect 1;\ncommit;")).toEqual([
      "2: BEGIN within a transaction",
    ]);
    const [why] = await refusalsOf("begin;\ncreate index concurrently i on t (a);\ncommit;");
    expect(why).toMatch(/^2: .*CONCURRENTLY/);
  });
});

describe("what is about roles, rights and owners", () => {
  test.each([
    ["create role app_user login", /roles belong to the server/],
    ["create user x; drop role if exists y", /roles belong/],
    ["grant a to b", /roles belong/],
    [
      "do $$ begin if not exists (select from pg_roles where rolname = 'x') then create role x; end if; end $$",
      /roles belong/,
    ],
    ["alter table t owner to postgres", /owner role/],
    ["alter function public.f(int) owner to x; alter type public.mood owner to x", /owner role/],
    ["alter schema public owner to x", /owner role/],
    ["grant usage on schema public to anon, authenticated", /tenant's schema/],
    ["revoke all on schema public from public", /tenant's schema/],
    ["revoke connect on database x from public", /connect/],
    ["alter default privileges for role x grant select on tables to y", /owner role/],
    ["comment on schema public is 'x'", /mark/],
    ["comment on extension citext is 'x'", /operator/],
    ["drop extension if exists citext", /operator/],
    ["alter extension citext update", /operator/],
    ["create extension if not exists pg_stat_statements", /whole server/],
  ])("is passed over and listed: %s", async (text, why) => {
    const listed = await passedOver(text);
    expect(listed.length).toBeGreaterThan(0);
    expect(listed).toEqual(listed.map(() => expect.stringMatching(why)));
    expect(await sent(text)).toEqual([]);
  });

  test.each([
    ["grant select on t to absent", []],
    ["grant select on t to absent, reporting", ["grant select on t to reporting"]],
    ['grant select on "é🙂" to absent, "reporting"', ['grant select on "é🙂" to "reporting"']],
    ["grant select on t to reporting, public", ["grant select on t to reporting, public"]],
    ["revoke all on t from absent, public cascade", ["revoke all on t from public cascade"]],
    ["grant select on t to current_user", ["grant select on t to current_user"]],
    ['grant select on public.t to "Absent"', []],
    ["alter default privileges grant select on tables to absent", []],
    [
      "create policy p on t to reporting, absent using (true)",
      ["create policy p on t to reporting using (true)"],
    ],
    [
      "create policy p on t to public using (true)",
      ["create policy p on t to public using (true)"],
    ],
  ])("names the roles that the server has: %s", async (text, expected) => {
    expect(await sent(text)).toEqual(expected);
  });

  test("opens a policy for an absent role to nobody, and never to everybody", async () => {
    for (const text of [
      "create policy p on t to absent using (true)",
      "alter policy p on t to absent",
    ]) {
      const [policy] = await sent(text);
      expect(policy).toMatch(/ to pg_[a-z_]+/);
      expect(policy).not.toContain("absent");
    }
  });

  test("tells which roles it asks for", async () => {
    const { statements } = await compile(
      "grant select on t to a, public; create policy p on t to b",
    );
    expect(rolesNamed(statements)).toEqual(["a", "b"]);
  });
});

describe("SELECT … INTO", () => {
  test.each([
    ["select a, 1 into u from t", "create  table u as select a, 1  from t"],
    ["select * into public.u from public.t", "create  table org_x.u as select *  from org_x.t"],
    ["select 1 into temp table u", "create temp table u as select 1 "],
    [
      "select (select 1) as a into unlogged u from t",
      "create unlogged table u as select (select 1) as a  from t",
    ],
    [
      "with x as (select 1) select * into u from x",
      "create  table u as with x as (select 1) select *  from x",
    ],
  ])("makes the table that it means: %s", async (text, expected) => {
    expect(await sent(text)).toEqual([expected]);
  });

  test("in a body is plpgsql's own", async () => {
    const text = "do $$ declare u int; begin select 1 into u; end $$";
    expect(await sent(text)).toEqual([text]);
  });
});

describe("CONCURRENTLY", () => {
  test.each([
    ["create index concurrently i on t (a)", "create index i on t (a)"],
    [
      "create unique index concurrently if not exists i on public.t (a)",
      "create unique index if not exists i on org_x.t (a)",
    ],
    ["drop index concurrently if exists public.i", "drop index if exists org_x.i"],
    ["reindex table concurrently t", "reindex table t"],
    ["reindex (concurrently) index public.i", "reindex index org_x.i"],
    ["reindex (verbose, concurrently) index i", "reindex (verbose) index i"],
    ["reindex (concurrently, verbose) index i", "reindex (verbose) index i"],
    [
      "alter table public.p detach partition public.q concurrently",
      "alter table org_x.p detach partition org_x.q",
    ],
  ])("is there outside of a transaction only: %s", async (text, within) => {
    const flat = (lines: string[]) => lines.map((line) => line.replace(/\s+/g, " ").trim());
    expect(flat(await sent(text))).toEqual([within]);
    expect(await sent(text, { concurrently: true, schema: null })).toEqual([text]);
    expect((await compile(text)).statements).toMatchObject([{ outside: true }]);
  });

  test("among other statements takes the file apart, and says where", async () => {
    const text = "alter table t add a int;\ncreate index concurrently i on t (a);\nanalyze t;";
    const { apart, statements } = await compile(text);
    expect(apart).toMatchObject({ line: 2 });
    expect(statements.map(({ outside }) => outside)).toEqual([false, true, false]);
  });
});
