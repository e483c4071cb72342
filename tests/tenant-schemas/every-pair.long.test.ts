import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ident } from "../../src/database/sql.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { tenantDatabaseOf } from "../../src/placement/prepare-server.ts";
import { groupRoleOf, ownersRoleOf } from "../../src/tenant-schemas/tenant-database.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import type { Tenant } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";

// Every tenant tries everything on every other one, as its application and as its owner, on real
// connections: 20 tenants, half of them with a database of their own.

const TENANTS = 20;
const REFUSED = "42501";

/** A tenant with its application's connection, opened with the URL that the secret store answers. */
interface Inhabitant {
  readonly tenant: Tenant;
  readonly url: URL;
  readonly app: pg.Client;
}

const KINDS = join(import.meta.dirname, "../kit/fixtures/every-kind");
const world = perFile(() =>
  openPlatform({
    environment: {
      TENANT_MIGRATIONS_DIR: join(KINDS, "migrations"),
      TENANT_SEEDS_DIR: join(KINDS, "seeds"),
    },
    worker: true,
  }),
);
let inhabitants: Inhabitant[] = [];

beforeAll(async () => {
  inhabitants = await Promise.all(
    Array.from({ length: TENANTS }, (_, index) =>
      settle(index % 2 ? "DATABASE" : "SCHEMA", index % 4 < 2),
    ),
  );
});

afterAll(async () => {
  await Promise.all(inhabitants.map(({ app }) => app.end()));
});

async function settle(isolation: Tenant["isolation"], rotated: boolean): Promise<Inhabitant> {
  const { platform } = world;
  const slug = freshSlug("pair");
  const { operation } = await provision(platform, { slug, isolation });
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  if (rotated) await rotate(slug);
  const tenant = await tenantBySlug(platform.orm.em.fork(), slug);
  const secret = await platform.secrets.get(tenant.secretName);
  const url = new URL(secret?.value ?? "");
  const app = new pg.Client({ connectionString: url.href });
  await app.connect();
  return { tenant, url, app };
}

/** Its application then logs in as its second role. */
async function rotate(slug: string): Promise<void> {
  const { platform } = world;
  const { rotateCredentials } = platform.operations;
  const options = { dryRun: false, idempotencyKey: null };
  const request = { slug, gracePeriodSeconds: 0 };
  const started = await startOnTenant(platform, OPERATOR, rotateCredentials, request, options);
  const { operation } = await followToEnd(platform, started.operation.id);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
}

/** What a tenant may do to nothing of another one, and to nothing that belongs to nobody. */
const ON_ANOTHER: readonly string[] = [
  ...["select * from S.a_table", "table S.a_partitioned_table", "table S.a_partition"],
  ...["table S.a_view", "table S.a_materialized_view", "table S.tenantry_migration"],
  "insert into S.a_table values (2, 'x')",
  "update S.a_table set body = 'x'",
  "delete from S.a_table",
  "truncate S.a_table",
  "copy S.a_table to stdout",
  ...["select nextval('S.a_sequence')", "select setval('S.a_sequence', 9)", "table S.a_sequence"],
  ...["select S.a_function()", "select S.a_definer_function()", "call S.a_procedure()"],
  "select S.an_aggregate(1)",
  ...["select 'a'::S.an_enum", "select 'a'::S.a_domain", "select row(1, 'x')::S.a_composite"],
  "create table S.intruder ()",
  "create function S.intruder() returns int language sql as 'select 1'",
  "alter table S.a_table add column intruder int",
  "drop table S.a_table",
  "drop index S.an_index",
  "alter type S.an_enum add value 'c'",
  "comment on table S.a_table is 'x'",
  "grant select on S.a_table to public",
  "create trigger intruder before insert on S.a_table for each row execute function S.a_trigger_function()",
  "refresh materialized view S.a_materialized_view",
  "drop schema S cascade",
  "alter schema S rename to intruder",
  "alter schema S owner to current_user",
  "grant usage on schema S to current_user",
];

const ON_ITS_ROLES: readonly string[] = [
  ...["set role APP", "set role FIRST_APP", "set role OWNER"],
  "alter role APP password 'x'",
  "alter role APP set search_path = public",
  "drop role APP",
  ...["grant APP to current_user", "grant FIRST_APP to current_user"],
  "grant OWNER to current_user",
  "reassign owned by OWNER to current_user",
  "drop owned by APP",
  "drop database DATABASE",
  "alter database DATABASE rename to intruder",
  "comment on database DATABASE is 'x'",
];

/** What the owner may do, and the application may not. */
const IN_ITS_OWN = ["create table OWN.intruder ()", "create temporary table intruder ()"];

const ON_WHAT_IS_NOBODYS: readonly string[] = [
  "create schema intruder",
  "create table public.intruder ()",
  "create table ext.intruder ()",
  ...IN_ITS_OWN,
  "create database intruder",
  "create role intruder",
  "create extension pg_trgm schema ext",
  ...["set session authorization ADMIN", "set role ADMIN"],
  ...["set role GROUP", "set role OWNERS", "alter role GROUP password 'x'"],
  ...["alter role GROUP set work_mem = '1MB'", "alter role OWNERS set work_mem = '1MB'"],
  "select pg_read_file('PG_VERSION')",
  "copy OWN.a_table to '/tmp/intruder'",
  "copy OWN.a_table to program 'true'",
  "select pg_reload_conf()",
  "alter system set work_mem = '1MB'",
  "select rolpassword from pg_authid",
];

const fill = (sql: string, { tenant }: Inhabitant, own: Inhabitant): string =>
  sql
    .replaceAll(/\bS\b(?=[. ]|$)/g, ident(tenant.schemaName))
    .replaceAll(/\bAPP\b/g, ident(tenant.appRole))
    .replaceAll(/\bFIRST_APP\b/g, ident(tenant.appRole.replace(/_b$/, "")))
    .replaceAll(/\bOWNER\b/g, ident(tenant.ownerRole))
    .replaceAll(/\bDATABASE\b/g, ident(tenant.databaseName ?? ""))
    .replaceAll(/\bGROUP\b/g, ident(groupRoleOf(own.tenant.databaseName ?? "")))
    .replaceAll(/\bOWNERS\b/g, ident(ownersRoleOf(tenantDatabaseOf(world.platform.databaseUrl))))
    .replaceAll(/\bADMIN\b/g, ident(new URL(world.platform.databaseUrl).username))
    .replaceAll(/\bOWN\b/g, ident(own.tenant.schemaName));

/** The SQLSTATE that a statement is refused with; null for one that went through. */
const sqlStateOf = (work: Promise<unknown>): Promise<string | null> =>
  work.then(
    () => null,
    (error: { code?: string }) => error.code ?? String(error),
  );

/** Tries each statement on one connection; answers those that were not refused for want of a right. */
async function notRefused(client: pg.Client, statements: readonly string[]): Promise<string[]> {
  const passed: string[] = [];
  for (const sql of statements) {
    const state = await sqlStateOf(client.query(sql));
    if (state !== REFUSED) passed.push(`${state}: ${sql}`);
  }
  return passed;
}

const others = (one: Inhabitant) => inhabitants.filter((other) => other !== one);
const sharesDatabase = (one: Inhabitant) => (other: Inhabitant) =>
  other.tenant.databaseName === one.tenant.databaseName;

describe("of 20 tenants, in a shared database and in databases of their own, each", () => {
  test("works on its own data with the credentials that the secret store answers", async () => {
    for (const { app, tenant } of inhabitants) {
      const { rows } = await app.query(
        "select current_database() as database, count(*)::int as n, a_function()::int as f, nextval('a_sequence')::int as s, current_user as role from a_view",
      );
      const facts = { database: tenant.databaseName, role: tenant.appRole };
      expect(rows).toEqual([{ ...facts, n: 2, f: 2, s: 1 }]);
    }
  });

  test("is refused every kind of object of every other in the same database", async () => {
    let pairs = 0;
    for (const one of inhabitants) {
      for (const other of others(one).filter(sharesDatabase(one))) {
        pairs += 1;
        const tried = ON_ANOTHER.map((sql) => fill(sql, other, one));
        expect(await notRefused(one.app, tried)).toEqual([]);
      }
    }
    expect(pairs).toBe((TENANTS / 2) * (TENANTS / 2 - 1));
  });

  test("is refused the roles and databases of every other", async () => {
    for (const one of inhabitants) {
      for (const other of others(one)) {
        const tried = ON_ITS_ROLES.map((sql) => fill(sql, other, one));
        expect(await notRefused(one.app, tried)).toEqual([]);
      }
    }
  });

  test("may not enter the database of any other, the platform's, nor any that a server begins with", async () => {
    const platform = new URL(world.platform.databaseUrl).pathname.slice(1);
    let doors = 0;
    for (const one of inhabitants) {
      const foreign = new Set(
        others(one)
          .filter((other) => !sharesDatabase(one)(other))
          .map((other) => other.tenant.databaseName ?? ""),
      );
      for (const database of [...foreign, platform, "postgres", "template1"]) {
        const door = new URL(one.url);
        door.pathname = `/${database}`;
        const client = new pg.Client({ connectionString: door.href });
        expect([database, await sqlStateOf(client.connect())]).toEqual([database, REFUSED]);
        await client.end();
        doors += 1;
      }
    }
    // From the shared database to ten own ones; from each own one to the nine others and the shared.
    expect(doors).toBe(10 * (10 + 3) + 10 * (10 + 3));
  });

  test("is refused what belongs to nobody", async () => {
    for (const one of inhabitants) {
      const tried = ON_WHAT_IS_NOBODYS.map((sql) => fill(sql, one, one));
      expect(await notRefused(one.app, tried)).toEqual([]);
    }
  });

  test("ends no session of another", async () => {
    const [one, two] = inhabitants.filter(({ tenant }) => tenant.isolation === "SCHEMA");
    const { rows } = (await two?.app.query("select pg_backend_pid() as pid")) ?? { rows: [] };
    for (const act of ["pg_terminate_backend", "pg_cancel_backend"]) {
      const tried = [`select ${act}(${rows[0].pid})`];
      expect(await notRefused(one?.app as pg.Client, tried)).toEqual([]);
    }
  });

  test("is refused the same as its owner, as which its migrations run", async () => {
    for (const one of inhabitants) {
      await using owner = await logInAsOwner(one);
      for (const other of others(one)) {
        const shared = sharesDatabase(one)(other);
        const statements = shared ? [...ON_ANOTHER, ...ON_ITS_ROLES] : ON_ITS_ROLES;
        const tried = statements.map((sql) => fill(sql, other, one));
        expect(await notRefused(owner.client, tried)).toEqual([]);
      }
      const beyond = ON_WHAT_IS_NOBODYS.filter((sql) => !IN_ITS_OWN.includes(sql));
      const tried = beyond.map((sql) => fill(sql, one, one));
      expect(await notRefused(owner.client, tried)).toEqual([]);
    }
  });
});

/** The owner role has no login of its own: it is lent one. */
async function logInAsOwner({ tenant }: Inhabitant) {
  const { ownerRole, databaseName } = tenant;
  const url = new URL(world.platform.databaseUrl);
  await asSuperuser(url.href, (client) =>
    client.query(`alter role ${ident(ownerRole)} login password 'lent'`),
  );
  url.pathname = `/${databaseName}`;
  url.username = ownerRole;
  url.password = "lent";
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
