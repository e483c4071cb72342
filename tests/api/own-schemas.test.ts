import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, freshSlug, urlOf } from "../kit/database.ts";
import { OPERATION, PROVISION } from "../kit/documents.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, provisionRequest } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";
import { act } from "./_tenant-operations.ts";

const migrations = perFile(() => openFolder());
const seeds = perFile(() => openFolder());
const world = perFile(() =>
  openPlatform({
    worker: true,
    environment: {
      TENANT_MIGRATIONS_DIR: migrations.path,
      TENANT_SEEDS_DIR: seeds.path,
    },
  }),
);
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));

type Files = Readonly<Record<string, string>>;

const OWN: Files = {
  "0001_own.sql": `create schema audit;
create table audit.log (id bigint generated always as identity primary key, what text);
create table public.t (id serial primary key, kind text default 'public');
create table plain (id int primary key);
create function public.note(text) returns void language plpgsql as $$
  begin insert into audit.log (what) values ($1); insert into public.t default values; end $$;
create view audit.recent as select what from audit.log;`,
  "0002_index.sql": "create index concurrently log_what on audit.log (what);\nanalyze audit.log;",
};
const FITTING: Files = {
  "0001_all.sql":
    "create table public.t (id int primary key);\ncreate table plain (id int primary key);",
};
const SEED = `insert into plain values (1) on conflict do nothing;
insert into public.t (id) values (7) on conflict do nothing;`;

/** Puts these migrations in the place of what the folder held. */
async function write(files: Files): Promise<void> {
  for (const name of await readdir(migrations.path)) await rm(join(migrations.path, name));
  for (const [name, sql] of Object.entries(files))
    await writeFile(join(migrations.path, name), sql);
}
beforeAll(async () => {
  await mkdir(join(seeds.path, "core"));
  await writeFile(join(seeds.path, "core/0001_core.sql"), SEED);
  await write(OWN);
});

async function provision(slug: string, input: Record<string, unknown>) {
  const request = { ...provisionRequest({ slug, seeds: ["core"] }), ...input };
  const { provisionTenant } = await administrator.ask(PROVISION, { input: request });
  await followToEnd(world.platform, provisionTenant.operation.id);
  return (await administrator.ask(OPERATION, { id: provisionTenant.operation.id })).operation;
}

async function provisioned(isolation: "SCHEMA" | "DATABASE"): Promise<string> {
  const slug = freshSlug("own");
  expect(await provision(slug, { isolation })).toMatchObject({ state: "SUCCEEDED", error: null });
  return slug;
}

async function done(mutation: string, input: { slug: string; [field: string]: unknown }) {
  const answer = await act(administrator, mutation, input);
  const { operation } = answer;
  if (operation === undefined) throw new Error(JSON.stringify(answer));
  return (await followToEnd(world.platform, operation.id)).operation;
}
const well = { state: "SUCCEEDED", error: null };

const schemaOf = (slug: string) => `org_${slug.replaceAll("-", "_")}`;
const databaseOf = (slug: string) => `tenant_${slug.replaceAll("-", "_")}`;
/** The rows of a query by a superuser, as text; in the tenant's database unless told. */
const rowsOf = (slug: string, sql: string, database = databaseOf(slug)): Promise<string[]> =>
  asSuperuser(urlOf(world.platform.databaseUrl, database), async (client) => {
    const { rows } = await client.query({ text: sql, rowMode: "array" });
    return rows.map((row: unknown[]) => row.join(" "));
  });

/** Does something as the tenant's application, with what the secret store holds. */
async function asApp<T>(slug: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const secret = await world.platform.secrets.get(`tenant-db-${slug}`);
  const client = new pg.Client({ connectionString: secret?.value ?? "" });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const TABLES = `select nspname || '.' || relname, pg_get_userbyid(relowner) = nspowner::regrole::text
  from pg_class join pg_namespace n on n.oid = relnamespace
  where relkind in ('r', 'v') and nspname !~ '^pg_|^information_schema|^ext$|^tenantry_control$' order by 1`;

const HEALTH = `query ($slug: String) { tenantHealth(slug: $slug) { findings { code message } } }`;
const findingsOf = async (slug: string): Promise<{ code: string; message: string }[]> =>
  (await administrator.ask(HEALTH, { slug })).tenantHealth[0].findings;

describe("a folder with schemas of its own", () => {
  test("is refused in a shared database before anything is made", async () => {
    const slug = freshSlug("own");
    const before = await worldOf(world.platform, slug);
    for (const dryRun of [true, false]) {
      const operation = await provision(slug, { isolation: "SCHEMA", dryRun });
      expect(operation).toMatchObject({
        state: "FAILED",
        error: { code: "E_ISOLATION_REQUIRED", phase: "STATE_CHECKED" },
      });
      expect(operation.error.message).toMatch(/^0001_own.sql line 1: .*isolation DATABASE/);
      expect(await worldOf(world.platform, slug)).toEqual(before);
    }
    const planned = await provision(slug, { isolation: "DATABASE", dryRun: true });
    expect(planned).toMatchObject({ ...well, result: { database: databaseOf(slug) } });
    expect(await worldOf(world.platform, slug)).toEqual(before);
  });

  test("has its tables where it says, all of them the owner's", async () => {
    const slug = await provisioned("DATABASE");
    expect(await rowsOf(slug, TABLES)).toEqual(
      [
        ...["audit.log", "audit.recent", `${schemaOf(slug)}.tenantry_migration`],
        ...[`${schemaOf(slug)}.tenantry_seed`, "public.plain", "public.t"],
      ].map((name) => `${name} true`),
    );
    const owners =
      "select distinct nspowner::regrole from pg_namespace where nspname in ('public', 'audit')";
    expect(await rowsOf(slug, owners)).toEqual([`${schemaOf(slug)}_owner`]);
    expect(await rowsOf(slug, "select p.id, t.id, kind from plain p, public.t")).toEqual([
      "1 7 public",
    ]);
    expect(await findingsOf(slug)).toEqual([]);
  });

  test("is open to the tenant's application for its data, and to nobody else", async () => {
    const slug = await provisioned("DATABASE");
    const [schema, database] = [schemaOf(slug), databaseOf(slug)];
    await asApp(slug, async (app) => {
      await app.query(`select note('one'); insert into audit.log (what) values ('two');
        update t set kind = 'x'; delete from audit.log where what = 'one'; insert into plain values (5)`);
      const { rows } = await app.query(
        "select what, (select count(*)::int from plain) as n from audit.recent",
      );
      expect(rows).toEqual([{ what: "two", n: 2 }]);
      for (const sql of [
        ...["create table public.x ()", "create table audit.x ()", `create table ${schema}.x ()`],
        ...["create schema x", "create temporary table x ()", "drop table audit.log"],
        ...[
          "truncate public.t",
          "alter table plain add x int",
          `delete from ${schema}.tenantry_migration`,
        ],
      ])
        await expect(app.query(sql), sql).rejects.toMatchObject({ code: "42501" });
    });
    const rights = `select ${["public", "audit", schema].flatMap((name) => ["usage", "create"].map((right) => `has_schema_privilege('public', '${name}', '${right}')`))},
      has_table_privilege('public', 'audit.log', 'select'), has_table_privilege('public', 'public.t', 'select'),
      has_database_privilege('public', '${database}', 'connect, temporary, create')`;
    expect(await rowsOf(slug, rights)).toEqual([Array(9).fill("false").join(" ")]);
    const other = await provisioned("DATABASE");
    await asApp(other, async (app) => {
      const url = `has_database_privilege('${database}', 'connect')`;
      expect((await app.query(`select ${url} as may`)).rows).toEqual([{ may: false }]);
    });
  });

  test("is covered by all that is done with a tenant, to its purge", async () => {
    const slug = await provisioned("DATABASE");
    const used = () =>
      asApp(slug, (app) => app.query("insert into audit.log (what) values ('x') returning id"));
    const rotation = ["rotateTenantCredentials", { endGrace: true }] as const;
    for (const [mutation, input] of [rotation, ["activateTenant", {}]] as const) {
      expect(await done(mutation, { slug, ...input })).toMatchObject(well);
      await used();
    }
    await write({
      ...OWN,
      "0003_more.sql": `create schema billing; create table billing.invoice (id int);
        create table more (id int); insert into audit.log (what) values ('from a migration');`,
    });
    expect(await done("migrateTenant", { slug })).toMatchObject({
      ...well,
      result: { applied: ["0003_more"] },
    });
    await asApp(slug, (app) =>
      app.query("insert into billing.invoice values (1); insert into more values (1)"),
    );
    expect(await done("suspendTenant", { slug })).toMatchObject(well);
    await expect(used()).rejects.toMatchObject({ code: "28000" });
    for (const [mutation, input] of [
      ["resumeTenant", {}],
      ["seedTenant", { sets: ["core"] }],
      rotation,
    ] as const)
      expect(await done(mutation, { slug, ...input })).toMatchObject(well);
    await used();
    await asApp(slug, (app) => app.query("table billing.invoice"));
    expect(await findingsOf(slug)).toEqual([]);

    expect(await done("offboardTenant", { slug })).toMatchObject(well);
    const purge = await done("purgeTenant", { slug, immediately: true, reason: "a test" });
    expect(purge).toMatchObject({
      state: "SUCCEEDED",
      result: { remaining: [], evidence: { database: databaseOf(slug), tables: 5 } },
    });
    expect(await worldOf(world.platform, slug)).toMatchObject({
      databases: [],
      roles: [],
      secrets: expect.not.arrayContaining([`tenant-db-${slug}`]),
    });
    await write(OWN);
  });

  test("is verified in all of its schemas", async () => {
    const slug = await provisioned("DATABASE");
    for (const [wrong, mend] of [
      ["create table audit.intruder ()", "drop table audit.intruder"],
      [
        "create function public.intruder() returns int language sql as ''",
        "drop function intruder()",
      ],
      [
        "alter view audit.recent owner to current_user",
        `alter view audit.recent owner to ${schemaOf(slug)}_owner`,
      ],
    ] as const) {
      await rowsOf(
        slug,
        wrong.replace("returns int language sql as ''", "returns int language sql as 'select 1'"),
      );
      expect(await done("activateTenant", { slug })).toMatchObject({
        state: "FAILED",
        error: { code: "E_TENANT_NOT_READY", message: expect.stringMatching(/intruder|recent/) },
      });
      await rowsOf(slug, mend);
      expect(await done("activateTenant", { slug })).toMatchObject(well);
    }
  });
});

describe("a folder that fits a shared database", () => {
  test("lies in the tenant schema in both isolations", async () => {
    await write(FITTING);
    const [own, shared] = [await provisioned("DATABASE"), await provisioned("SCHEMA")];
    const sharedDatabase = `${new URL(world.platform.databaseUrl).pathname.slice(1)}_tenants`;
    for (const [slug, database] of [
      [own, databaseOf(own)],
      [shared, sharedDatabase],
    ] as const) {
      const tables = await rowsOf(slug, TABLES, database);
      const names = ["plain", "t", "tenantry_migration", "tenantry_seed"];
      expect(tables.filter((row) => /^(org_|public)/.test(row))).toEqual(
        names.map((name) => `${schemaOf(slug)}.${name} true`),
      );
      const { rows } = await asApp(slug, (app) =>
        app.query("select current_schema() as place, id from t"),
      );
      expect(rows).toEqual([{ place: schemaOf(slug), id: 7 }]);
    }

    // Then a file asks for schemas of its own, which tenants that are there cannot have.
    await write({ ...FITTING, "0002_own.sql": "create schema audit;\ncreate table audit.log ();" });
    for (const [slug, code] of [
      [own, "E_MIGRATION_FOLDER"],
      [shared, "E_ISOLATION_REQUIRED"],
    ] as const) {
      const { state, error } = await done("migrateTenant", { slug });
      expect({ state, error }).toMatchObject({ state: "FAILED", error: { code } });
      expect(error?.message).toContain("0002_own.sql line 1");
    }
    await write(OWN);
  });
});
