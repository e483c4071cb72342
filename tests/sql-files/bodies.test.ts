import { describe, expect, test } from "vitest";
import { compileFile } from "../../src/sql-files/compiler.ts";

const compile = (text: string) =>
  compileFile("0001_it.sql", { text, kind: "MIGRATION", homes: ["public"] }, "E_MIGRATIONS_FAILED");

const refusalsOf = async (text: string) =>
  (await compile(text)).refusals.map(({ line, why }) => `${line}: ${why}`);

/** A body in each of the places where code can stand. */
const PLACES: readonly ((body: string) => string)[] = [
  (body) => `do $$ ${body} $$`,
  (body) => `do '${body.replaceAll("'", "''")}'`,
  (body) => `create function f() returns void language plpgsql as $f$ ${body} $f$`,
  (body) => `create procedure f() as $f$ ${body} $f$ language plpgsql`,
];

describe("a body", () => {
  test.each([
    "begin update users set role = 'admin' where id = 1; end",
    "begin\n update users\n set role = 'admin';\nend",
    "begin insert into users values (1) on conflict (id) do update set role = excluded.role; end",
    "begin new.role := 'set role admin'; perform 'create role x; set role x'; end",
    "begin raise notice 'set role postgres; commit; drop database x'; end",
    "begin execute format('update users set role = %L', 'admin'); end",
    "begin execute 'update users set session = 1, role = ''x'''; end",
    "declare role text; session int := 1; begin role := 'x'; session := 2; end",
    "begin -- set role x\n /* commit; */ null; end",
    "begin perform set_config('app.role', 'admin', true); end",
    "begin set local timezone = 'UTC'; set statement_timeout = '1s'; end",
    "begin if 1 = 1 then update t set role = 1; else delete from t; end if; end",
    "begin create temp table x on commit drop as select 1; end",
    "begin update t set commit = true, rollback = false; end",
    "begin select role into strict x from users; end",
    "begin alter table users add column \"user\" text, alter column role set default 'x'; end",
  ])("is judged by its statements, and not by words: %s", async (body) => {
    for (const place of PLACES) expect(await refusalsOf(place(body))).toEqual([]);
  });

  test.each([
    ["begin set role postgres; end", /SET ROLE/],
    ["begin set local role none; end", /SET ROLE/],
    ["begin if true then reset role; end if; end", /SET ROLE/],
    ["begin loop set session role x; end loop; end", /SET ROLE/],
    ["begin set session authorization x; end", /SESSION AUTHORIZATION/],
    ["begin reset session authorization; end", /SESSION AUTHORIZATION/],
    ["begin execute 'set role x'; end", /SET ROLE/],
    ["begin execute format('set role %I', 'x'); end", /SET ROLE/],
    ["begin perform set_config('role', 'x', true); end", /set_config of role/],
    ["begin perform pg_advisory_unlock_all(); end", /pg_advisory_unlock_all/],
    ["begin perform pg_catalog.set_config('session_authorization', 'x', true); end", /set_config/],
    ["begin create database x; end", /CREATE DATABASE/],
    ["begin alter system set fsync = off; end", /ALTER SYSTEM/],
    ["begin null; drop tablespace x; end", /DROP TABLESPACE/],
    [
      "begin create role x; execute 'create table t (to_user text, \"user\" text)'; end",
      /CREATE ROLE/,
    ],
    ["begin create role x; execute 'alter table t rename to u'; end", /CREATE ROLE/],
    ["begin select 1; create role x; insert into t values (1); end", /CREATE ROLE/],
    ["begin delete from tenantry_migration; end", /tenantry_/],
  ])("may not leave the tenant: %s", async (body, why) => {
    for (const place of PLACES)
      expect(await refusalsOf(place(body))).toEqual([expect.stringMatching(why)]);
  });

  test.each([
    "on conflict (id) do update set role = 'admin'",
    "on conflict on constraint c do update set role = excluded.role, session = 'x'",
  ])("is not needed for a column called role: %s", async (clause) => {
    expect(await refusalsOf(`insert into users values (1) ${clause}`)).toEqual([]);
  });

  test.each([
    "begin commit; end",
    "begin if a then rollback; end if; end",
    "begin loop commit; end loop; end",
  ])("of a DO block that ends transactions is told so: %s", async (body) => {
    const { statements } = await compile(`select 1;\ndo $$ ${body} $$`);
    expect(statements.map(({ commits }) => commits)).toEqual([false, true]);
    expect(await refusalsOf(`begin;\ndo $$ ${body} $$;\ncommit`)).toEqual([
      expect.stringMatching(/^2: a COMMIT between BEGIN and COMMIT/),
    ]);
    // A procedure is only made here.
    const made = await compile(`create procedure p() language plpgsql as $$ ${body} $$`);
    expect(made).toMatchObject({ refusals: [], committing: ["p"] });
  });

  test.each(["begin end", "begin perform 'commit'; end", "begin call x(); end"])(
    "of a procedure that ends none may be called: %s",
    async (body) => {
      const text = `create procedure public.p() language plpgsql as $$ ${body} $$; call public.p()`;
      const file = await compile(text);
      expect(file).toMatchObject({ refusals: [], committing: [] });
      expect(file.statements.map(({ calls }) => calls)).toEqual([null, "p"]);
    },
  );
});

describe("a SET clause of a function", () => {
  test.each([
    "set search_path from current",
    "set search_path = ''",
    "set search_path = pg_catalog, pg_temp",
    "set search_path = public",
    "set search_path to '$user', public",
    "set work_mem = '64MB'",
    "set timezone = 'UTC' set datestyle to iso",
    "set statement_timeout = '5s'",
    "set row_security = off",
    "set client_min_messages = warning",
    "set app.tenant = 'x'",
    "set plpgsql.variable_conflict = use_column",
  ])("may be harmless: %s", async (clause) => {
    const create = `create function f() returns int language sql ${clause} as 'select 1'`;
    expect(await refusalsOf(create)).toEqual([]);
    const alter = clause.replace(" set datestyle to iso", "");
    expect(await refusalsOf(`alter function f() ${alter}`)).toEqual([]);
  });

  test.each([
    "alter function f() reset search_path",
    "alter function f() reset all",
    "alter procedure f() set search_path to default",
  ])("may go: %s", async (text) => {
    expect(await refusalsOf(text)).toEqual([]);
  });

  test.each([
    ["set role = 'x'", /SET role/],
    ["set session_authorization = 'x'", /SET session_authorization/],
    ["set session_replication_role = replica", /SET session_replication_role/],
    ["set session_preload_libraries = 'x'", /SET session_preload_libraries/],
  ])("may not be another: %s", async (clause, why) => {
    const create = `create function f() returns int language sql ${clause} as 'select 1'`;
    expect(await refusalsOf(create)).toEqual([expect.stringMatching(why)]);
  });

  test("with a schema that is no tenant's asks for it", async () => {
    const text =
      "create function f() returns int language sql set search_path = pg_catalog, other as ''";
    expect((await compile(text)).refusals).toMatchObject([{ needs: ["other"] }]);
  });
});
