import { describe, expect, test, vi } from "vitest";
import { isTransient } from "../../src/database/faults.ts";
import { readLedger } from "../../src/tenant-schemas/ledger.ts";
import { untilBlocked } from "../kit/database.ts";
import type { Tenant } from "../kit/tenant-schemas.ts";
import { applying, failureOf } from "./_apply.ts";

const { world, created, apply, migrate, rowsIn } = applying();

const MARKS = "select id, done, begun from tenantry_migration_progress";
const tablesOf = (tenant: Tenant) =>
  rowsIn(
    tenant,
    "select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r' order by 1",
  );
const ledgerOf = async ({ names }: Tenant) =>
  (await readLedger(world.client, names.schema)).map(({ id }) => id);

const INVALID = `select relname from pg_index join pg_class on oid = indexrelid
  where not indisvalid and relnamespace = current_schema()::regnamespace`;

const FIRST = { "0001_t.sql": "create table t (a int); insert into t values (1), (1);" };
/** Its third statement fails, and its second can be seen to have run twice. */
const STEPS = [
  "set timezone = 'America/New_York'",
  "update t set a = a + 1",
  "create unique index concurrently t_a on t (a)",
  "create table at as select '2026-07-04 00:00'::timestamptz as at",
  "create index concurrently t_b on t (a, a)",
];
const file = (steps: readonly string[]) => ({ ...FIRST, "0002_apart.sql": steps.join(";\n") });

async function failed(): Promise<Tenant> {
  const tenant = await created();
  await migrate(tenant, FIRST);
  const failure = await failureOf(migrate(tenant, file(STEPS)));
  expect(failure).toMatchObject({
    code: "E_MIGRATIONS_FAILED",
    migration: { file: "0002_apart.sql", line: 3, sqlState: "23505" },
  });
  expect(failure).toMatchObject({
    migration: {
      statement: STEPS[2],
      constraint: "t_a",
      detail: "Key (a)=(2) is duplicated.",
    },
    transient: false,
    retryable: false,
  });
  expect(await rowsIn(tenant, INVALID)).toEqual([]);
  return tenant;
}

describe("a file that cannot be one transaction", () => {
  test("is marked with how far it came", async () => {
    const tenant = await failed();
    expect(await rowsIn(tenant, MARKS)).toEqual(["0002_apart|2|2"]);
    expect(await ledgerOf(tenant)).toEqual(["0001_t"]);
    const app = await world.login(tenant);
    await expect(app.query(MARKS)).rejects.toMatchObject({ code: "42501" });
  });

  test("goes on behind what is done, under its settings, and leaves no mark", async () => {
    const tenant = await failed();
    const mended = file(STEPS.with(2, "create index concurrently t_a on t (a)"));
    expect((await migrate(tenant, mended)).applied).toEqual(["0002_apart"]);
    expect(await rowsIn(tenant, "select distinct a from t")).toEqual(["2"]);
    expect(await rowsIn(tenant, "select (at at time zone 'UTC')::time from at")).toEqual([
      "04:00:00",
    ]);
    expect(await tablesOf(tenant)).toEqual(["at", "t", "tenantry_migration"]);
    expect(await rowsIn(tenant, INVALID)).toEqual([]);
    expect(await migrate(tenant, mended)).toMatchObject({ applied: [] });
  });

  test("goes on as it is where the data are mended", async () => {
    const tenant = await failed();
    await world.client.query(
      `delete from ${tenant.names.schema}.t where ctid = (select max(ctid) from ${tenant.names.schema}.t)`,
    );
    expect((await migrate(tenant, file(STEPS))).applied).toEqual(["0002_apart"]);
    expect(await rowsIn(tenant, "select a from t")).toEqual(["2"]);
  });

  test("is refused where what is done was changed since", async () => {
    const tenant = await failed();
    const changed = file(STEPS.with(1, "update t set a = a + 2"));
    expect(await failureOf(migrate(tenant, changed))).toMatchObject({
      code: "E_MIGRATION_DRIFT",
      message: expect.stringContaining("0002_apart.sql was changed in its first 2 statements"),
    });
    expect(await rowsIn(tenant, "select distinct a from t")).toEqual(["2"]);
  });

  test("goes on behind a lost connection, wherever it was lost", async () => {
    const gate = { "0000_gate.sql": "create table gate ();", ...FIRST };
    const steps = STEPS.with(2, "create index concurrently t_a on t (a)");
    for (const [blocking, files] of [
      ...[1, 2, 3, 5].map(
        (at) => ["lock table gate", steps.toSpliced(at, 0, "lock table gate")] as const,
      ),
      // The index waits for whoever writes to its table.
      ["update t set a = a", steps] as const,
    ]) {
      const tenant = await created();
      await migrate(tenant, gate);
      const [client, blocker] = [await world.connect(), await world.connect()];
      const { rows } = await client.query("select pg_backend_pid() as pid");
      await blocker.query(`set search_path = ${tenant.names.schema}; begin; ${blocking}`);
      const apart = { ...gate, ...file(files) };
      const dying = failureOf(apply(tenant, apart, { mode: "transaction-per-file", client }));
      await untilBlocked(world.url);
      await world.client.query("select pg_terminate_backend($1)", [rows[0].pid]);
      expect(isTransient(await dying)).toBe(true);
      await blocker.query("rollback");
      expect((await migrate(tenant, apart)).applied).toEqual(["0002_apart"]);
      expect(await rowsIn(tenant, "select distinct a from t")).toEqual(["2"]);
      expect(await rowsIn(tenant, INVALID)).toEqual([]);
    }
  });

  test("of its own transactions keeps each whole", async () => {
    const tenant = await created();
    const text = `begin;
      create table one (a int);
      create table two (a int);
      commit;
      create index concurrently i on one (a);
      begin;
      insert into one values (1);
      insert into two values ('x'::text::int);
      commit;`;
    const failure = await failureOf(migrate(tenant, { "0001_a.sql": text }));
    expect(failure.migration).toMatchObject({ line: 8, sqlState: "22P02" });
    expect(
      await rowsIn(tenant, "select (select count(*) from one), (select count(*) from two)"),
    ).toEqual(["0|0"]);
    await migrate(tenant, { "0001_a.sql": text.replace("'x'::text::int", "2") });
    expect(await rowsIn(tenant, "select one.a, two.a from one, two")).toEqual(["1|2"]);
  });

  test("leaves nothing out of a transaction of its own", async () => {
    const tenant = await created();
    const text = `create table t (a int);
      begin;
      create index concurrently i on t (a);
      create table u (a int);
      commit;`;
    const outcome = await migrate(tenant, { "0001_a.sql": text }).catch((error) => error.code);
    // PostgreSQL refuses it (25001); what is taken must be taken whole.
    if (typeof outcome === "string") expect(outcome).toMatch(/^E_MIGRATION/);
    else expect(await tablesOf(tenant)).toContain("u");
  });

  test("of a procedure's COMMIT is one statement behind the other", async () => {
    const tenant = await created();
    const text =
      "create table t (a int);\ninsert into t values (1);\ncommit;\ncreate index concurrently i on t (a);\nbegin;\ninsert into t values (2);\ncommit;";
    await migrate(tenant, { "0001_a.sql": text });
    expect(await rowsIn(tenant, "select a from t order by a")).toEqual(["1", "2"]);
  });
});

describe("an index that goes CONCURRENTLY", () => {
  test("and gives up waiting names whom it waited for, as any file does", async () => {
    const tenant = await created();
    await migrate(tenant, FIRST);
    const other = await world.connect();
    await other.query(`set application_name = 'report at postgres://a:hunter2@b';
      begin isolation level repeatable read; table ${tenant.names.schema}.t`);
    const { pid } = (await other.query("select pg_backend_pid() as pid")).rows[0];
    for (const [sql, what] of [
      ["create index concurrently i on t (a);", "the end of a transaction that began before it"],
      ["alter table t add b int;", `a lock on ${tenant.names.schema}.t (AccessExclusiveLock)`],
    ] as const) {
      const heard: string[] = [];
      const files = { ...FIRST, "0002_x.sql": `set lock_timeout = '2s';\n${sql}` };
      const onWait = (message: string) => heard.push(message);
      const failure = await failureOf(migrate(tenant, files, { onWait }));
      const holder = `process ${pid} (user ${world.user}, database ${world.database}, application report at postgres://***@b, idle in transaction, since `;
      expect(heard[0]).toContain(`waits for ${what}: ${holder}`);
      expect(heard[0]).toContain("0002_x.sql");
      expect(failure.message).toMatch(
        /^0002_x.sql line 2: canceling statement due to lock timeout/,
      );
      expect(failure.message).toContain(`; it waited for ${what}: ${holder}`);
      expect(failure).toMatchObject({ transient: true, migration: { sqlState: "55P03" } });
    }
    await other.query("rollback");
    expect((await migrate(tenant, file(["create index concurrently i on t (a)"]))).applied).toEqual(
      ["0002_apart"],
    );
    expect(await rowsIn(tenant, INVALID)).toEqual([]);
  });

  test("and fails is dropped, and no other one that is INVALID", async () => {
    const tenant = await created();
    await migrate(tenant, { ...FIRST, "0002_i.sql": "create index theirs on t (a);" });
    const boom = (result: string) => `create or replace function boom(a int) returns int
      immutable language plpgsql as 'begin return ${result}; end'`;
    const other = await world.connect();
    await other.query(`set search_path = ${tenant.names.schema};
      update pg_index set indisvalid = false where indexrelid = 'theirs'::regclass;
      ${boom("a")}; create index booming on t (boom(a)); ${boom("a / 0")}`);
    for (const sql of [
      "create unique index concurrently if not exists mine on t (a)",
      "create index concurrently mine on t ((1 / (a - 1)))",
      "reindex index concurrently booming",
    ]) {
      const files = {
        ...FIRST,
        "0002_i.sql": "create index theirs on t (a);",
        "0003_j.sql": `${sql};`,
      };
      expect(await failureOf(migrate(tenant, files))).toMatchObject({
        message: expect.stringMatching(/^0003_j\.sql line 1: .* \((23505|22012)\)$/),
      });
      expect(await rowsIn(tenant, INVALID)).toEqual(["theirs"]);
    }
  });

  test("is gone once where the answer was lost", async () => {
    const tenant = await created();
    const before = { ...FIRST, "0002_index.sql": "create index i on t (a);" };
    const files = { ...before, "0003_drop.sql": "select 1;\ndrop index concurrently i;" };
    await migrate(tenant, before);
    const [client, reader, keeper] = [
      await world.connect(),
      await world.connect(),
      await world.connect(),
    ];
    const { rows } = await client.query("select pg_backend_pid() as pid");
    const { schema } = tenant.names;
    await reader.query(`begin; table ${schema}.t`);
    const dying = failureOf(apply(tenant, files, { mode: "transaction-per-file", client }));
    await untilBlocked(world.url);
    await keeper.query(`begin; select from ${schema}.tenantry_migration_progress for update`);
    await reader.query("commit");
    const isGone = `select to_regclass('${schema}.i') is null as gone`;
    await vi.waitUntil(async () => (await world.client.query(isGone)).rows[0].gone);
    await untilBlocked(world.url);
    await world.client.query("select pg_terminate_backend($1)", [rows[0].pid]);
    expect(isTransient(await dying)).toBe(true);
    await keeper.query("rollback");
    expect((await migrate(tenant, files)).applied).toEqual(["0003_drop"]);
  });

  test("is missed where it never was there", async () => {
    const tenant = await created();
    const files = { ...FIRST, "0002_drop.sql": "drop index concurrently nosuch;" };
    const failure = await failureOf(migrate(tenant, files));
    expect(failure.migration).toMatchObject({ file: "0002_drop.sql", line: 1, sqlState: "42704" });
    // And at the next attempt, too.
    expect((await failureOf(migrate(tenant, files))).migration).toMatchObject({
      sqlState: "42704",
    });
  });

  test("by the name of the home schema is the tenant's", async () => {
    const tenant = await created();
    const files = {
      ...FIRST,
      "0002_a.sql":
        "create index concurrently i on public.t (a);\nreindex index concurrently public.i;",
      "0003_b.sql": "drop index concurrently if exists public.i;",
    };
    await migrate(tenant, files);
    expect(await rowsIn(tenant, "select to_regclass('i') is null")).toEqual(["true"]);
  });
});

describe("Flyway's", () => {
  const viewIs = (sql: string) => ({
    "V1__t.sql": "create table t (a int);",
    "V2__u.sql": "create table u (a int);",
    "R__view.sql": `create or replace view v as select ${sql} as b from t;`,
  });

  test("repeatable migrations are applied again when they have changed, and only then", async () => {
    const tenant = await created();
    expect((await apply(tenant, viewIs("1"))).applied).toEqual(["V1__t", "V2__u", "R__view"]);
    expect(await migrate(tenant, viewIs("1"))).toEqual({ applied: [], version: "V2__u" });
    expect(await migrate(tenant, viewIs("2"))).toEqual({ applied: ["R__view"], version: "V2__u" });
    const more = { ...viewIs("2"), "V3__w.sql": "insert into t values (1);" };
    expect(await migrate(tenant, more)).toEqual({ applied: ["V3__w"], version: "V3__w" });
    expect(await rowsIn(tenant, "select b from v")).toEqual(["2"]);
    expect(await ledgerOf(tenant)).toHaveLength(4);
  });

  test("baseline stands for all before it in a fresh tenant, and for nothing in an older one", async () => {
    const { "R__view.sql": _, ...before } = viewIs("1");
    const after = {
      ...before,
      "B2__all.sql": "create table t (a int); create table u (a int);",
      "V3__w.sql": "create table w ();",
    };
    const [fresh, old] = [await created(), await created()];
    expect((await apply(fresh, after)).applied).toEqual(["B2__all", "V3__w"]);
    await apply(old, before);
    expect((await migrate(old, after)).applied).toEqual(["V3__w"]);
    expect(await tablesOf(old)).toEqual(await tablesOf(fresh));
    for (const tenant of [fresh, old]) expect((await migrate(tenant, after)).applied).toEqual([]);
  });
});
