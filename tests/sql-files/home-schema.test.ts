import { describe, expect, test } from "vitest";
import { sent } from "./_compile.ts";

/** In each of these `~` is the home schema; whatever else is called so is not. */
const NAMES: readonly string[] = [
  "create table ~.t (id int, a ~.mood, b ~.mood[], primary key (id))",
  "create table ~.t (id int references ~.u (id), check (~.f(id)))",
  "create table if not exists t (like ~.u including all) inherits (~.v)",
  "create table ~.p1 partition of ~.p for values in ('public')",
  "create unlogged table ~.t (id int default nextval('s'))",
  "create table ~ . t (id int) /* public.x */",
  "create table t as select ~.t.a, x.b, (~.f(1)).c from ~.t, ~.u x",
  "create index i on ~.t using gin (a ~.own_ops)",
  "create index i on ~.t (~.f(a)) where a = 'x'::~.mood",
  "create unique index public on ~.t (public)",
  "select 'x'::~.mood, cast(1 as ~.coin), ~.f(a => 1) from ~.g() as g",
  "select 1 operator(~.+) 2 order by a using operator(~.<)",
  "select a collate ~.german from ~.t",
  "insert into ~.t as x (a) values (1) on conflict on constraint c do update set a = 'public.x'",
  "update ~.t set a = u.b from ~.u where ~.t.id = u.id",
  "with x as (delete from ~.t returning *) insert into ~.u select * from x",
  "merge into ~.t using ~.u on t.id = u.id when matched then do nothing",
  "drop table if exists ~.a, b, ~.c cascade",
  "drop function ~.f(~.mood, int), ~.g()",
  "drop type ~.mood; drop domain ~.d; drop view ~.v; drop sequence ~.s",
  "drop trigger x on ~.t; drop policy x on ~.t; drop index ~.i",
  "drop operator ~.+ (~.a, ~.b); drop aggregate ~.agg(int); drop cast (~.a as text)",
  "create function ~.f(a ~.mood, b ~.mood[]) returns setof ~.t language sql as 'select 1'",
  "create function f(a ~.mood default 'x'::~.mood) returns table (b ~.mood) language sql as ''",
  "create or replace procedure ~.p() language plpgsql as 'begin null; end'",
  "create function f() returns int language sql begin atomic select ~.g(); end",
  "create function f() returns int language sql return ~.g()",
  "create type ~.mood as enum ('public', 'public.x')",
  "create type ~.pair as (a ~.mood, b int)",
  "create type ~.span as range (subtype = ~.mood)",
  "create domain ~.d as ~.mood check (value <> ~.worst())",
  "create sequence ~.s owned by ~.t.id",
  "create or replace view ~.v as table ~.t",
  "create materialized view ~.m as select count(*) from ~.t",
  "create operator ~.+ (leftarg = ~.a, rightarg = ~.b, function = ~.add)",
  "create aggregate ~.agg (int) (sfunc = ~.f, stype = ~.mood)",
  "create cast (~.a as text) with function ~.to_text(~.a)",
  "create collation ~.german (locale = 'de')",
  "create text search configuration ~.c (copy = ~.b)",
  "create trigger x before insert on ~.t for each row execute function ~.touch()",
  "create trigger x before insert on ~.t for each row execute procedure ~.touch()",
  "create rule r as on insert to ~.t do instead insert into ~.u values (1)",
  "create policy p on ~.t using (~.f(id)) with check (exists (select from ~.u))",
  "create statistics ~.s on a, b from ~.t",
  "alter table only ~.t add constraint c foreign key (a) references ~.u (id)",
  "alter table ~.t alter column a type ~.mood using a::text::~.mood",
  "alter table ~.p attach partition ~.p1 default",
  "alter type ~.mood add value 'public' after 'public.x'",
  "alter type ~.mood rename to mood_old",
  "alter sequence ~.s owned by ~.t.id",
  "alter function ~.f(~.mood) stable",
  "alter index ~.i rename to j",
  "comment on table ~.t is 'public.t is public'",
  "comment on column ~.t.public is 'public'",
  "comment on function ~.f(~.mood) is $$public.f$$",
  "comment on constraint c on ~.t is 'x'; comment on type ~.mood is 'public'",
  "truncate ~.t, ~.u restart identity; lock table ~.t; analyze ~.t",
  "refresh materialized view ~.m; reindex table ~.t; cluster ~.t using i",
  "grant select on all tables in schema ~ to public",
  "grant select on ~.t, ~.u to public; revoke execute on function ~.f(int) from public",
  "alter default privileges in schema ~ grant select on tables to public",
  "call ~.p(); set constraints ~.c deferred",
];

/** Texts that are names, in which `~` is the home schema. */
const TEXTS: readonly string[] = [
  "select '~.x'::regclass, '~.f(~.a)'::regprocedure, '\"public\".x'",
  "select nextval('~.s'), pg_catalog.setval('~.s', 1), 'public.s'",
  "select nextval('~.s'::text), currval($$~.s$$)",
  "create table t (id int default nextval('~.s'::regclass), b text default 'public.s')",
  "select to_regclass('~.t') is null, to_regtype('~.m')",
  "select pg_get_serial_sequence('~.t', 'id')",
  "select setval(pg_get_serial_sequence('~.t', 'id'), max(id)) from t where a <> 'public'",
  "select from pg_constraint where conrelid = '~.t'::regclass and conname = 'public'",
  "alter table t alter column a set default nextval('~.s'::regclass)",
  "select '~'::regnamespace, 'public'",
  "select from information_schema.tables where table_schema = '~' and table_name = 'public'",
  "select from pg_namespace n where n.nspname in ('~', 'x') or '~' = nspname",
  "select from pg_tables where schemaname not in ('~') and schemaname <> '~'",
  "select from pg_namespace where nspname = any (array['pg_catalog', '~'])",
  "select to_regclass('~.t') where 'public.t' = 'x' and b = 'public'",
];

/** Bodies of plpgsql, in which `~` is the home schema. */
const BODIES: readonly string[] = [
  "begin insert into ~.t values ('public.x', 'public'); end",
  "declare a ~.t%rowtype; b ~.t.id%type; c ~.mood[]; begin null; end",
  "begin for r in select * from ~.t loop perform ~.f(r.id); end loop; end",
  "begin execute 'drop table ~.t'; end",
  "begin execute format('alter table ~.%I add x text default %L', x, 'public.x'); end",
  "begin execute 'select ''public'' from ~.t where a = $1' into x using y; end",
  "begin execute $q$create table ~.t (a text default 'public')$q$; end",
  "begin execute format('select %L from ~.%I', 'a', 't') into x; end",
  "begin execute 'insert into ~.t select * from ~.' || quote_ident(x); end",
  "begin execute format('drop table %I.%I', '~', 't'); end",
  "declare q text := 'drop table ~.t'; begin execute q; end",
  "begin if exists (select from pg_tables where schemaname = '~') then null; end if; end",
  "begin raise notice 'public.t is %', 'public'; end -- public.t",
  "begin new.kind := 'public'; perform '~.t'::regclass; return new; end",
  "begin update ~.t set kind = 'public' where kind <> 'public.x'; end",
];

/** What is called `public` without being the schema. */
const DATA: readonly string[] = [
  "insert into clients (client_type, b) values ('public', 'public.x')",
  "update clients set client_type = 'public' where client_type in ('public', 'public.x')",
  "select public.a, public.b from t as public where public.a = 'public'",
  "select public.a from t public join u using (public)",
  "create table t (public boolean, b text default 'public', check (b in ('public', 'private')))",
  "select public, t.public, 'public'::text, \"public\" from t",
  "comment on table t is 'the public.t of public'",
  "create type visibility as enum ('public', 'private')",
  "insert into s values ('{\"public.t\": \"public\"}'::jsonb), ('select public.f()')",
  "select $$public.t$$, E'public.\\n' from t",
];

const filled = (text: string, name: string): string => text.replaceAll("~", name);

/** A body as the text of a statement, quoted in one of PostgreSQL's ways. */
const QUOTED: Readonly<Record<string, (body: string) => string>> = {
  "in dollars": (body) => `do $$${body}$$`,
  "in tagged dollars": (body) => `do language plpgsql $x$${body}$x$`,
  "in quotes": (body) => `do '${body.replaceAll("'", "''")}'`,
  "of a function": (body) => `create function f() returns void as $f$${body}$f$ language plpgsql`,
  "of a procedure in quotes": (body) =>
    `create procedure f() language plpgsql as '${body.replaceAll("'", "''")}'`,
};

describe("the home schema is the tenant's", () => {
  test.each(NAMES)("in a name: %s", async (text) => {
    for (const spelled of ["public", '"public"', "Public"])
      expect(await sent(filled(text, spelled))).toBe(filled(text, "org_x"));
  });

  test.each(TEXTS)("in a text that is a name: %s", async (text) => {
    expect(await sent(filled(text, "public"))).toBe(filled(text, "org_x"));
  });

  describe.each(Object.entries(QUOTED))("in a body %s", (_, quoted) => {
    test.each(BODIES)("%s", async (body) => {
      const text = quoted(body);
      expect(await sent(filled(text, "public"))).toBe(filled(text, "org_x"));
    });
  });

  test("in a body of sql, and in a quoted name within a text", async () => {
    const body = "insert into ~.t select 'public.x', it''s from ~.f('public')";
    for (const text of [
      `create function f() returns void language sql as $$${body.replace("it''s", "''")}$$`,
      `create function f() returns void as '${body.replaceAll("'", "''")}' language sql`,
    ])
      expect(await sent(filled(text, "public"))).toBe(filled(text, "org_x"));
    const named = `select '~."T"'::regclass, pg_get_serial_sequence('~."T"', 'id')`;
    expect(await sent(filled(named, '"public"'))).toBe(filled(named, "org_x"));
  });

  test.each([...NAMES, ...TEXTS, ...BODIES.map((body) => `do $$${body}$$`)])(
    "and stays where schemas keep their names: %s",
    async (text) => {
      expect(await sent(filled(text, "public"), { schema: null })).toBe(filled(text, "public"));
    },
  );

  test.each(DATA)("and what is only called so stays: %s", async (text) => {
    expect(await sent(text)).toBe(text);
  });

  test("behind characters of many bytes, and once only", async () => {
    const text = "/* é 🙂 */ select '🙂 public.x', ~.t.\"ü\" from ~.t, org_x";
    expect(await sent(filled(text, "public"))).toBe(
      filled(text, "org_x").slice("/* é 🙂 */ ".length),
    );
  });
});

describe("a search path with the home schema", () => {
  const LEADS = "org_x, ext";
  test.each([
    ["set search_path = public", `set search_path = ${LEADS}`],
    ["set search_path to public, pg_catalog", `set search_path to ${LEADS}, pg_catalog`],
    ["set local search_path = 'public'", `set local search_path = ${LEADS}`],
    [
      "select set_config('search_path', 'public, pg_temp', false)",
      `select set_config('search_path', '${LEADS}, pg_temp', false)`,
    ],
    ["set schema 'public'", "set schema 'org_x'"],
    [
      "create function f() returns int language sql set search_path = public, pg_temp as 'select 1'",
      `create function f() returns int language sql set search_path = ${LEADS}, pg_temp as 'select 1'`,
    ],
    [
      "alter function f() set search_path to 'public'",
      `alter function f() set search_path to ${LEADS}`,
    ],
    [
      "do $$ begin set local search_path = public; end $$",
      `do $$ begin set local search_path = ${LEADS}; end $$`,
    ],
    [
      "do $$ begin perform set_config('search_path', 'public', true); end $$",
      `do $$ begin perform set_config('search_path', '${LEADS}', true); end $$`,
    ],
  ])("is the tenant's and that of extensions: %s", async (text, expected) => {
    expect(await sent(text)).toBe(expected);
    expect(await sent(text, { schema: null })).toBe(text);
  });

  test.each([
    "set search_path = ''",
    "select set_config('search_path', '', false)",
    "create function f() returns int language sql set search_path = '' as 'select 1'",
    "create function f() returns int language sql set search_path from current as 'select 1'",
    "create function f() returns int language sql set search_path = pg_catalog, pg_temp as 'select 1'",
  ])("without it stays: %s", async (text) => {
    expect(await sent(text)).toBe(text);
  });
});

describe("an object of an extension that is named with the home schema", () => {
  test.each([
    ["create table public.t (a public.citext)", "create table org_x.t (a ext.citext)"],
    [
      "create index i on public.t using gin (a public.gin_trgm_ops)",
      "create index i on org_x.t using gin (a ext.gin_trgm_ops)",
    ],
    [
      "select public.crypt('a', 'b'), 'x' operator(public.%>) a from public.t",
      "select ext.crypt('a', 'b'), 'x' operator(ext.%>) a from org_x.t",
    ],
    [
      "do $$ begin perform public.crypt('a', 'b'); end $$",
      "do $$ begin perform ext.crypt('a', 'b'); end $$",
    ],
  ])("lies in ext: %s", async (text, expected) => {
    expect(await sent(text)).toBe(expected);
  });

  test("is the file's own where the file makes it", async () => {
    const text = "create domain ~.citext as text; create table ~.t (a ~.citext)";
    expect(await sent(filled(text, "public"))).toBe(filled(text, "org_x"));
  });

  test("is found beside a home schema of another name, too", async () => {
    const text = "create table auth.users (mail public.citext, b auth.kind)";
    expect(await sent(text, { homes: ["auth", "public"] })).toBe(
      "create table org_x.users (mail ext.citext, b org_x.kind)",
    );
  });
});
