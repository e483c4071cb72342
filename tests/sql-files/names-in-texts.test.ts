import { describe, expect, test } from "vitest";
import { textIn } from "../../src/sql-files/sql-file.ts";
import { compile, sent, TENANT } from "./_compile.ts";

describe("a name that cannot be put in another's place", () => {
  test.each([
    ['select 1;\n\nselect *\n from U&"public".t', 4, /without U&/],
    ["do $$\nbegin\n  execute 'alter table public.\"';\nend $$", 3, /cannot be read as SQL/],
    [
      "create function f() returns int language sql as $$\n select public.a from t as public, public.u\n$$",
      2,
      /something else here/,
    ],
    ["do $$\ndeclare public record;\nbegin\n public.a := public.f(); end $$", 2, /something else/],
  ])(
    "is refused with its line, and stays in a database of its own: %s",
    async (text, line, why) => {
      const { refusals, statements } = await compile(text);
      expect(refusals).toMatchObject([{ line, why: expect.stringMatching(why), needs: [] }]);
      const place = { ...TENANT, schema: null };
      expect(statements.map((statement) => textIn(place, statement))).toEqual(
        statements.map((statement) => statement.text),
      );
    },
  );

  test.each([
    "select cast('public.t' as regclass)",
    "select regclass 'public.t'",
    "select E'public.t'::regclass",
    "select U&'public.t'::regclass",
    "select ('public.' || 't')::regclass",
    "do E'begin insert into public.t values (1);\\n end'",
    "do $$ begin execute E'drop table public.t'; end $$",
    "do $$ begin execute 'do $x$ begin drop table public.t; end $x$'; end $$",
    "do $$ begin execute $x$create function f() returns int language plpgsql as 'begin return public.g(); end'$x$; end $$",
    "do $$ declare s text := 'public.'; begin execute 'drop table ' || s || 't'; end $$",
    "select from pg_namespace n where n.nspname::text = 'public'",
    "select from pg_namespace n where n.nspname = 'public'::name",
    "select from information_schema.tables where (table_schema, table_name) = ('public', 't')",
    "select from information_schema.tables where \"table_schema\" like 'public'",
  ])("is never left as it is: %s", async (text) => {
    const { refusals, statements } = await compile(text);
    const left = statements.map((statement) => textIn(TENANT, statement)).join("; ");
    expect(refusals.length > 0 ? "refused" : left).not.toContain("public");
  });

  test.each([
    "do $$ begin execute format('insert into t values (%L)', 'public'); end $$",
    "do $$ begin execute 'insert into t values ($1)' using 'public'; end $$",
    "do $$ begin execute format('create table %I ()', 'public'); end $$",
    "select pg_get_serial_sequence('t', 'public')",
  ])("is not seen in what is only called so: %s", async (text) => {
    expect(await sent(text)).toBe(text);
  });
});
