import { expect, test } from "vitest";
import { applying, failureOf } from "./_apply.ts";

const { world, created, apply, migrate, rowsIn, alike } = applying();

const FILES = {
  "0001_t.sql": "create table t (a int, who text);\ninsert into t select generate_series(1, 3);",
  "0002_fill.sql": `create procedure fill() language plpgsql as $$
declare r record;
begin
  for r in select a from t order by a loop
    update t set who = session_user where a = r.a;
    commit;
  end loop;
end $$;`,
  "0003_call.sql":
    "insert into t values (4);\ncall fill();\ncreate table u as select count(who) from t;",
};

const canLogin = async (role: string) =>
  (
    await world.client.query(
      "select rolcanlogin, rolpassword is null as empty from pg_authid where rolname = $1",
      [role],
    )
  ).rows;

test("code that commits by itself runs as the owner role's own login, at once and one by one", async () => {
  expect(await alike(FILES, "select count(*), count(who) from t, u")).toEqual(["4|4"]);
  expect(await alike(FILES, "select * from u")).toEqual(["4"]);
});

test("the owner role cannot log in behind it, whether it succeeded or not", async () => {
  const tenant = await created();
  await apply(tenant, FILES);
  const { ownerRole } = tenant.names;
  expect(await rowsIn(tenant, "select distinct who from t")).toEqual([ownerRole]);
  const closed = [{ rolcanlogin: false, empty: true }];
  expect(await canLogin(ownerRole)).toEqual(closed);
  const failing = { ...FILES, "0004_x.sql": "do $$ begin\n commit;\n perform 1/0; end $$" };
  expect(await failureOf(migrate(tenant, failing))).toMatchObject({
    code: "E_MIGRATIONS_FAILED",
    migration: { file: "0004_x.sql", sqlState: "22012" },
  });
  expect(await canLogin(ownerRole)).toEqual(closed);
});

test("what it has committed before it fails stays, and the file goes on there", async () => {
  const tenant = await created();
  await apply(tenant, FILES);
  const half = {
    ...FILES,
    "0004_x.sql":
      "create table v (a int);\ndo $$ begin insert into v values (1); commit; perform 1/0; end $$;\ncreate table w ();",
  };
  await failureOf(migrate(tenant, half));
  expect(await rowsIn(tenant, "select a from v")).toEqual(["1"]);
  const mended = { ...half, "0004_x.sql": half["0004_x.sql"].replace("1/0", "1") };
  await migrate(tenant, mended);
  expect(await rowsIn(tenant, "select count(*) from v, (select from w) x")).toEqual(["0"]);
  expect(await rowsIn(tenant, "select a from v")).toEqual(["1", "1"]);
});
