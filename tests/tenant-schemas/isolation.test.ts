import { beforeAll, describe, expect, test } from "vitest";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { setAppLogins } from "../../src/tenant-schemas/app-login.ts";
import { applyMigrations, schemaLock } from "../../src/tenant-schemas/apply-migrations.ts";
import { openMigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";
import { probeAppLogin } from "../../src/tenant-schemas/probe-app-login.ts";
import {
  groupRoleOf,
  membersBecomingGroups,
  ownersRoleOf,
  prepareTenantDatabase,
} from "../../src/tenant-schemas/tenant-database.ts";
import { countTables, verifyTenantSchema } from "../../src/tenant-schemas/verify-tenant-schema.ts";
import { perFile } from "../kit/lifetime.ts";
import { LIMITS, openTenantDatabase, type Tenant } from "../kit/tenant-schemas.ts";

const world = perFile(openTenantDatabase);
const FILES = {
  "0001_all.sql": `create table t (id int primary key, a text);
create sequence s;
create type kind as enum ('a');
create view v as select * from t;
create function f() returns int language sql as 'select 1';
insert into t values (1, 'x');`,
};
let one: Tenant;
let two: Tenant;

const migrate = async (tenant: Tenant, files: Record<string, string>) =>
  await applyMigrations(world.client, {
    names: tenant.names,
    folder: await openMigrationFolder(settingsFor(await world.folder(files))),
    mode: "transaction-per-file",
  });

/** Takes an advisory lock of ours, as every role can. */
const lockOf = (name: string) =>
  `select pg_advisory_xact_lock(hashtextextended('tenantry:${name}', 0))`;

beforeAll(async () => {
  await world.client.query("create schema platform; create table platform.tenant (id int)");
  [one, two] = [world.tenant(), world.tenant()];
  for (const tenant of [one, two]) {
    await world.create(tenant);
    await migrate(tenant, FILES);
  }
});

describe("a tenant's app role", () => {
  test("works on the data of its own schema", async () => {
    const app = await world.login(one);
    await app.query(
      "insert into t values (2, 'y'); update t set a = 'z'; delete from t where id = 2",
    );
    const { rows } = await app.query(
      "select count(*)::int as n, nextval('s')::int as s, f() from v",
    );
    expect(rows).toEqual([{ n: 1, s: 1, f: 1 }]);
  });

  test.each([
    "select * from OTHER.t",
    "select * from OTHER.v",
    "insert into OTHER.t values (9)",
    "select nextval('OTHER.s')",
    "select OTHER.f()",
    "create table OTHER.x ()",
    "select * from OTHER.tenantry_migration",
    "select * from platform.tenant",
    "create table platform.x ()",
    "create table OWN.x ()",
    "create table public.x ()",
    "create schema x",
    "create temporary table x ()",
    "drop table t",
    "alter table t add column b int",
    "truncate t",
    "create table ext.x ()",
    "insert into tenantry_migration values ('x', 'y', now(), 1)",
    "delete from tenantry_migration",
    "update tenantry_migration set sha256 = 'x'",
    "set role OWNER",
    "set role tenantry",
    ...["set role GROUP", "alter role GROUP password 'x'", "alter role GROUP set work_mem = '1MB'"],
    ...["alter role GROUP in database postgres set work_mem = '1MB'", "drop role GROUP"],
    ...["comment on role GROUP is 'x'", "grant GROUP to OTHER_app", "grant OTHER_app to GROUP"],
    "create database x",
    "create role x",
    "create function OWN.g() returns int language sql as 'select 1'",
  ])("may not: %s", async (sql) => {
    const text = sql
      .replace("OTHER", two.names.schema)
      .replace("GROUP", groupRoleOf(world.database))
      .replace("OWNER", one.names.ownerRole)
      .replace("OWN", one.names.schema);
    const app = await world.login(one);
    await expect(app.query(text)).rejects.toMatchObject({ code: "42501" });
    await app.end();
  });

  test("takes nothing from its group, and makes nothing as the group", async () => {
    const group = groupRoleOf(world.database);
    const app = await world.login(one);
    await app.query(`drop owned by ${group}; reassign owned by ${group} to current_user;
      alter default privileges for role ${group} grant select on tables to public`);
    await app.end();
    const other = await world.login(two);
    expect((await other.query("select count(*)::int as n from t")).rows).toEqual([{ n: 1 }]);
    const owned = `select from pg_shdepend where refobjid = '${group}'::regrole and deptype = 'o' and classid <> 'pg_default_acl'::regclass`;
    expect((await world.client.query(owned)).rowCount).toBe(0);
  });

  test("cannot become its group any more once a database of an older release is prepared again", async () => {
    const groups = [groupRoleOf(world.database), ownersRoleOf(world.database)];
    await world.client.query(`grant ${groups[0]} to ${one.names.appRole} with set true;
      grant ${groups} to ${one.names.ownerRole} with set true`);
    expect(await membersBecomingGroups(world.client, world.database)).toHaveLength(3);
    await prepareTenantDatabase(world.client);
    expect(await membersBecomingGroups(world.client, world.database)).toEqual([]);
    await (await world.login(one)).query("table v");
  });

  test.each(["postgres", "template1"])("may not enter %s of the embedded server", async (name) => {
    await expect(world.login(one, name)).rejects.toMatchObject({ code: "42501" });
  });
});

describe("a tenant's session", () => {
  test.each([
    ["takes the lock of changes to roles", lockOf("shared-catalogs")],
    ["holds its own role", "alter role current_user password 'mine'"],
    ["holds its own settings", "alter role current_user set work_mem = '1MB'"],
  ])("keeps no tenant open when it %s", async (_, sql) => {
    const tenant = world.tenant();
    await world.create(tenant);
    const app = await world.login(tenant);
    const ended = new Promise((resolve) => app.once("end", resolve));
    await app.query(`begin; ${sql}`);
    const admin = await world.connect();
    await admin.query("set lock_timeout = '60s'");
    expect(
      await setAppLogins(admin, { ...tenant, connectDatabase: world.database, limits: LIMITS }, []),
    ).toEqual([tenant.names.appRole]);
    await ended;
    await expect(world.login(tenant)).rejects.toMatchObject({ code: "28000" });
  });

  test("holds up no migration of another tenant", async () => {
    const app = await world.login(one);
    await app.query(`begin; ${lockOf(schemaLock(two.names.schema))}`);
    await migrate(two, { ...FILES, "0002_more.sql": "create table more ()" });
  });
});

describe("a migration's own code", () => {
  const hidden = (sql: string) => `do $$ begin execute ${sql}; end $$`;
  test.each([
    ["becomes the admin", hidden("'re' || 'set ro' || 'le'"), "42501"],
    ["becomes another", hidden("'set ro' || 'le postgres'"), "42501"],
    ["becomes the session's user", hidden("'reset session authori' || 'zation'"), "42501"],
    [
      "commits",
      "create procedure p() language plpgsql as $$ begin commit; end $$;\ndo $$ begin call p(); end $$",
      "2D000",
    ],
    ["commits in text", hidden("'commit'"), "0A000"],
    [
      "commits by itself and becomes the admin",
      "do $$ begin commit; execute 're' || 'set ro' || 'le'; execute 'table platf' || 'orm.tenant'; end $$",
      "42501|42P01",
    ],
    [
      "commits by itself and becomes another",
      "do $$ begin commit; execute 'set ro' || 'le OTHER_owner'; end $$",
      "42501",
    ],
    [
      "commits by itself and reads another tenant",
      "do $$ begin commit; execute 'table OTHER.t'; end $$",
      "42501",
    ],
    ["writes to public", hidden("'create table pub' || 'lic.x ()'"), "42501"],
    ["reads another tenant", hidden("'table OTHER.t'"), "42501"],
    ["reads the platform", hidden("'table platf' || 'orm.tenant'"), "42501"],
    [
      "changes its search path and creates",
      `${hidden("format('set search_%s = public', 'path')")};\ncreate table escaped ()`,
      "3F000|42501",
    ],
    [
      "makes the runner harmless to it",
      `${hidden("'alter function tenant' || 'ry_run(text[]) security invoker'")};\n${hidden("'re' || 'set ro' || 'le'")}`,
      "42501",
    ],
    [
      "escapes in a deferred trigger",
      `create table d (id int);
create function esc() returns trigger language plpgsql as $$ begin execute 're' || 'set ro' || 'le'; return null; end $$;
create constraint trigger d after insert on d deferrable initially deferred for each row execute function esc();
insert into d values (1)`,
      "42501",
    ],
  ])("cannot leave the tenant when it %s", async (_, sql, sqlstate) => {
    const tenant = world.tenant();
    await world.create(tenant);
    const before = await outsideOf(tenant);
    const text = sql.replace("OTHER", two.names.schema);
    const failed = await migrate(tenant, { "0001_x.sql": text }).then(
      () => null,
      (error) => error,
    );
    expect(failed).not.toBeNull();
    expect(String(failed.migration?.sqlState)).toMatch(new RegExp(`^(${sqlstate})$`));
    expect(await outsideOf(tenant)).toEqual(before);
    expect(
      (await world.client.query("select current_user as u, current_setting('search_path') as p"))
        .rows,
    ).toEqual([{ u: world.user, p: '"$user", public' }]);
  });

  test("does nothing more once it has changed what it runs in", async () => {
    const tenant = world.tenant();
    await world.create(tenant);
    const before = await outsideOf(tenant);
    const files = {
      "0001_a.sql": hidden("'alter function tenant' || 'ry_run(text[]) security invoker'"),
      "0002_b.sql": `${hidden("'re' || 'set ro' || 'le'")};\ncreate table escaped ()`,
    };
    const folder = await openMigrationFolder(settingsFor(await world.folder(files)));
    const applying = applyMigrations(world.client, {
      names: tenant.names,
      folder,
      mode: "one-transaction",
    });
    await expect(applying).rejects.toThrow("its runner was changed");
    expect(await outsideOf(tenant)).toEqual(before);
    expect((await world.client.query("select current_user as u")).rows).toEqual([
      { u: world.user },
    ]);
  });

  const outsideOf = async (tenant: Tenant) =>
    (
      await world.client.query(
        "select oid from pg_class where relnamespace <> $1::regnamespace and relnamespace <> 'pg_toast'::regnamespace order by 1",
        [tenant.names.schema],
      )
    ).rows;
});

describe("verification", () => {
  const loginOf = (tenant: Tenant, password = tenant.password) => ({
    host: world.host,
    port: world.port,
    database: world.database,
    user: tenant.names.appRole,
    password,
    names: tenant.names,
    tls: { mode: "disable" } as const,
  });
  const probe = (tenant: Tenant, password?: string) => probeAppLogin(loginOf(tenant, password));

  test("passes for a tenant that is as it should be", async () => {
    const folder = await openMigrationFolder(settingsFor(await world.folder(FILES)));
    const found = await verifyTenantSchema(world.client, { names: one.names, folder });
    expect(found).toMatchObject({ tables: 1, migrations: 1, version: "0001_all" });
    expect(found.checks.map(({ name, passed }) => [name, passed])).toEqual([
      ["SCHEMA", true],
      ["OWNERSHIP", true],
      ["MIGRATIONS", true],
      ["TABLES", true],
    ]);
    expect(await countTables(world.client, one.names)).toBe(1);
    expect(await probe(one)).toMatchObject({ name: "ROLE_LOGIN", passed: true });
  });

  test("says nothing of a login that the server had no ear for", async () => {
    const lost = { code: "E_UNAVAILABLE", transient: true };
    await expect(probeAppLogin({ ...loginOf(one), port: 1 })).rejects.toMatchObject(lost);
    const { database } = world;
    await world.client.query(`alter database ${database} connection limit 0`);
    await expect(probe(one)).rejects.toMatchObject(lost);
    await world.client.query(`alter database ${database} connection limit -1`);
    expect(await probe(one)).toMatchObject({ passed: true });
  });

  test("takes a refusal by the role's own limit for a login that works, since its password was right", async () => {
    const limit = (sessions: number) =>
      world.client.query(`alter role ${one.names.appRole} connection limit ${sessions}`);
    const session = await world.login(one);
    await limit(1);
    const message = `${one.names.appRole} may log in: all its connections are in use`;
    expect(await probe(one)).toMatchObject({ passed: true, message });
    expect(await probe(one, "wrong")).toMatchObject({ detail: { sqlstate: "28P01" } });
    await limit(-1);
    await session.end();
  });

  test("names what is wrong", async () => {
    const tenant = world.tenant();
    const files = { ...FILES, "0002_b.sql": "select 1" };
    const folder = await openMigrationFolder(settingsFor(await world.folder(files)));
    const verify = async () =>
      (await verifyTenantSchema(world.client, { names: tenant.names, folder })).checks;
    expect(await verify()).toMatchObject([{ name: "SCHEMA", passed: false }]);
    await world.create(tenant);
    await migrate(tenant, FILES);
    await world.client.query(`create table ${tenant.names.schema}.foreign_one ()`);
    expect((await verify()).filter(({ passed }) => !passed)).toMatchObject([
      { name: "OWNERSHIP", message: expect.stringContaining("foreign_one") },
      { name: "MIGRATIONS", message: "not applied: 0002_b" },
    ]);
    await world.client.query(`drop table ${tenant.names.schema}.foreign_one`);
    expect(await probe(tenant, "wrong")).toMatchObject({
      passed: false,
      detail: { sqlstate: "28P01" },
    });
    await world.client.query(
      `grant create on schema ${tenant.names.schema} to ${tenant.names.appRole}`,
    );
    expect(await probe(tenant)).toMatchObject({
      passed: false,
      detail: { place: tenant.names.schema },
    });
  });
});
