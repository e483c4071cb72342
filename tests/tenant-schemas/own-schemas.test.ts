import pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { scramVerifier } from "../../src/database/sql.ts";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { applyMigrations } from "../../src/tenant-schemas/apply-migrations.ts";
import { createTenantSchema } from "../../src/tenant-schemas/create-tenant-schema.ts";
import { openMigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";
import {
  dropOwnDatabases,
  ensureOwnDatabase,
  prepareOwnDatabase,
} from "../../src/tenant-schemas/own-database.ts";
import { urlOf } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { LIMITS, openTenantDatabase } from "../kit/tenant-schemas.ts";
import { type Files, failureOf } from "./_apply.ts";

const world = perFile(openTenantDatabase);

/** A tenant with a database of its own, in which files are applied. */
async function openOwn() {
  const tenant = world.tenant();
  const { names, tenantId, password } = tenant;
  const owner = { names, tenantId, shared: world.database };
  await ensureOwnDatabase(world.client, owner);
  const client = new pg.Client({ connectionString: urlOf(world.url, names.database) });
  client.on("error", () => undefined);
  await client.connect();
  await prepareOwnDatabase(client, tenantId, world.database);
  const appPasswordVerifier = scramVerifier(password);
  await createTenantSchema(client, {
    ...tenant,
    appPasswordVerifier,
    connectDatabase: names.database,
    limits: LIMITS,
  });
  return {
    names,
    async apply(
      files: Files,
      mode: "one-transaction" | "transaction-per-file" = "transaction-per-file",
    ) {
      const folder = await openMigrationFolder(settingsFor(await world.folder(files)));
      return await applyMigrations(client, { names, folder, mode });
    },
    async rows(sql: string): Promise<string[]> {
      const { rows } = await client.query({ text: sql, rowMode: "array" });
      return rows.map((row: unknown[]) => row.join("|"));
    },
    async [Symbol.asyncDispose]() {
      await client.end();
      await dropOwnDatabases(world.client, owner);
    },
  };
}

const OWN = {
  "0001_own.sql": `create schema audit;
create table audit.t (a int); insert into audit.t values (1), (1);
create table public.t (a int);
create table plain (a int);`,
};

describe("in a database of the tenant's own, with schemas of the folder's own,", () => {
  test("an index that is INVALID is built again, whichever schema it lies in", async () => {
    await using own = await openOwn();
    const files = { ...OWN, "0002_i.sql": "create unique index concurrently once on audit.t (a);" };
    expect((await failureOf(own.apply(files))).migration).toMatchObject({ sqlState: "23505" });
    await own.rows("delete from audit.t");
    expect((await own.apply(files)).applied).toEqual(["0002_i"]);
    expect(
      await own.rows("select indisvalid from pg_index where indexrelid = 'audit.once'::regclass"),
    ).toEqual(["true"]);
  });

  test("two indexes of one name on tables of one name are both built", async () => {
    await using own = await openOwn();
    await own.apply({
      ...OWN,
      "0002_i.sql":
        "create index concurrently i on audit.t (a);\ncreate index concurrently i on public.t (a);",
      "0003_d.sql":
        "create index concurrently j on audit.t (a);\ncreate index concurrently j on plain (a);\ndrop index concurrently audit.j;",
    });
    const indexes =
      "select schemaname || '.' || indexname from pg_indexes where indexname in ('i', 'j') order by 1";
    expect(await own.rows(indexes)).toEqual(["audit.i", "public.i", "public.j"]);
  });

  test("a file's search path holds for what runs CONCURRENTLY, too", async () => {
    await using own = await openOwn();
    const files = {
      "0001_a.sql":
        "create schema audit;\ncreate table audit.log (a int);\ncreate table public.t ();",
      "0002_i.sql":
        "set search_path = audit;\ncreate index concurrently i on log (a);\ninsert into log values (1);",
    };
    await own.apply(files);
    expect(await own.rows("select to_regclass('audit.i') is not null")).toEqual(["true"]);
  });

  test("names stay as they are, in bodies and texts too, and lead to public without a schema", async () => {
    await using own = await openOwn();
    const files = {
      ...OWN,
      "0002_f.sql": `create function public.f() returns bigint language sql set search_path = '' as 'select count(*) from public.plain';
do $$ begin execute 'insert into plain values (1)'; end $$;
create sequence public.s;
insert into plain select nextval('public.s');
create table seen as select public.f(), current_setting('search_path') as path;
select set_config('search_path', 'audit, public', false);
insert into t values (7);`,
      "0003_g.sql": "insert into t values (8);",
    };
    await own.apply(files, "one-transaction");
    expect(await own.rows("select f, path from public.seen")).toEqual(["2|public, ext"]);
    expect(
      await own.rows("select max(a) from audit.t union all select max(a) from public.t"),
    ).toEqual(["7", "8"]);
    const elsewhere = `select relname from pg_class where relnamespace = '${own.names.schema}'::regnamespace and relkind = 'r'`;
    expect(await own.rows(elsewhere)).toEqual(["tenantry_migration"]);
  });

  test("what is about schemas is done, roles that are not there aside", async () => {
    await using own = await openOwn();
    await own.apply({
      "0001_a.sql": `drop schema if exists audit cascade;
create schema if not exists audit;
create schema other authorization current_user;
grant usage on schema audit to nosuch_role;
grant select on all tables in schema audit, public to nosuch_role;
alter default privileges in schema audit grant select on tables to nosuch_role;
comment on schema audit is 'the audit''s';
create table audit.t (a int);
alter table audit.t set schema other;`,
      "0002_b.sql": "drop schema other cascade;",
    });
    expect(
      await own.rows(
        "select obj_description('audit'::regnamespace), to_regnamespace('other') is null",
      ),
    ).toEqual(["the audit's|true"]);
  });

  test("a name that cannot be put in another's place is one of them", async () => {
    await using own = await openOwn();
    await own.apply({ "0001_a.sql": 'create table U&"public".t (a int); create table u (a int)' });
    expect(await own.rows("select count(*) from public.t, public.u")).toEqual(["0"]);
  });

  test("nothing of a shared database is opened", async () => {
    const tenant = world.tenant();
    await world.create(tenant);
    const folder = await openMigrationFolder(settingsFor(await world.folder(OWN)));
    for (const mode of ["one-transaction", "transaction-per-file"] as const)
      expect(
        await failureOf(applyMigrations(world.client, { names: tenant.names, folder, mode })),
      ).toMatchObject({
        code: "E_ISOLATION_REQUIRED",
        migration: { file: "0001_own.sql", line: 1 },
      });
    const rights = `select pg_get_userbyid(nspowner) <> '${tenant.names.ownerRole}',
      has_database_privilege('${tenant.names.ownerRole}', current_database(), 'create')
      from pg_namespace where nspname = 'public'`;
    const { rows } = await world.client.query({ text: rights, rowMode: "array" });
    expect(rows).toEqual([[true, false]]);
  });
});

describe("a schema that is dropped where there is one", () => {
  beforeAll(() => world.client.query("create schema bystander"));

  test.each(["bystander", "OWN"])("is nobody's but the folder's: %s", async (name) => {
    const tenant = world.tenant();
    await world.create(tenant);
    const schema = name === "OWN" ? tenant.names.schema : name;
    const files = {
      "0001_a.sql": `create table t (a int);\ndrop schema if exists ${schema} cascade;`,
    };
    const folder = await openMigrationFolder(settingsFor(await world.folder(files)));
    await applyMigrations(world.client, {
      names: tenant.names,
      folder,
      mode: "one-transaction",
    }).catch(() => undefined);
    const { rowCount } = await world.client.query(
      `select from pg_namespace where nspname = '${schema}'`,
    );
    expect(rowCount).toBe(1);
  });
});
