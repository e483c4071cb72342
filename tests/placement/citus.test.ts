import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { expect, test, vi } from "vitest";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { checkDbServer } from "../../src/placement/check-server.ts";
import { refuseLostRows } from "../../src/placement/citus-server.ts";
import { openClusters } from "../../src/placement/cluster.ts";
import { type DbServer, DbServerEntity } from "../../src/placement/db-server.entity.ts";
import type { ServerConnections } from "../../src/placement/server-connections.ts";
import { openTestApi } from "../kit/api.ts";
import { askCoordinator, coordinator, describeOnCitus, registerCluster } from "../kit/citus.ts";
import { asSuperuser, freshName, freshSlug, urlOf } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { registerServer, startServer } from "../kit/servers.ts";
import { provision } from "../kit/tenants.ts";
import { Life } from "../operations/_life.ts";

const CLUSTER = `{ dbServers { name kind tenantCount
  cluster { fault nodes { host port group active takesTenants tenantCount bytes } } } }`;
const PLACE = `query ($slug: String!) { tenant(by: { slug: $slug }) {
  clusterPlace { fault bytes node { host port group } } } }`;

describeOnCitus("a Citus cluster as a db server (needs CITUS_URL)", () => {
  const migrations = perFile(async () =>
    withTrigger(await openFolder(SMALL.TENANT_MIGRATIONS_DIR)),
  );
  const world = perFile(() =>
    openPlatform({ environment: { TENANT_MIGRATIONS_DIR: migrations.path }, worker: true }),
  );
  const life = new Life(world);
  const api = perFile(() => openTestApi(world));
  const caller = perFile(() => api.as("ADMINISTRATOR"));
  let server: DbServer;
  let slug: string;

  const cluster = async () =>
    // biome-ignore lint/suspicious/noExplicitAny: an answer as it comes
    (await caller.ask(CLUSTER)).dbServers.find((each: any) => each.name === server.name);

  test("is told from a plain server, and its coordinator from a worker", async () => {
    const { platform } = world;
    const register = (at: object, kind: string) =>
      registerServer(platform, { ...coordinator(), ...at }, { name: freshName("c-"), kind });
    await expect(register({}, "POSTGRES")).rejects.toMatchObject({
      issues: [{ path: ["kind"], message: expect.stringMatching(/must be CITUS/) }],
    });
    const [worker] = await askCoordinator<{ host: string; port: number }>(
      "select nodename as host, nodeport as port from pg_dist_node where groupid > 0 limit 1",
    );
    if (worker) {
      await expect(register(worker, "CITUS")).rejects.toMatchObject({
        issues: [{ path: ["host"], message: expect.stringMatching(/this is a worker/) }],
      });
    }
    server = await registerCluster(platform);
    expect(server.tenantDatabase).toBe(new URL(coordinator().url).pathname.slice(1));
    const checked = await checkDbServer(platform, server);
    expect(checked).toMatchObject({
      fault: null,
      probed: { citus: expect.stringMatching(/^1\d/) },
    });
    const probes = "select 1 from pg_roles where rolname like 'tenantry\\_probe\\_%'";
    expect(await askCoordinator(probes)).toEqual([]);
  });

  test("holds a tenant on one node, which the API tells with its size", async () => {
    slug = await life.provisioned({ slug: freshSlug("citus"), dbServer: server.name });
    const schema = `org_${slug.replaceAll("-", "_")}`;
    const [placed] = await askCoordinator<{ nodes: number; tables: string[]; loose: string[] }>(
      `select count(distinct s.nodeport)::int as nodes, array_agg(c.relname::text order by c.relname) as tables,
         (select array_agg(relname::text) from pg_class where relnamespace = '${schema}'::regnamespace
          and relkind = 'r' and oid not in (select logicalrelid from pg_dist_partition)) as loose
       from citus_shards s join pg_class c on c.oid = s.table_name
       where c.relnamespace = '${schema}'::regnamespace`,
    );
    expect(placed).toMatchObject({ nodes: 1, loose: null });
    expect(placed?.tables).toEqual(
      expect.arrayContaining(["laboratory", "sample", "tenantry_migration", "touched", "unit"]),
    );
    const told = await cluster();
    expect(told).toMatchObject({ kind: "CITUS", tenantCount: 1, cluster: { fault: null } });
    const { tenant } = await caller.ask(PLACE, { slug });
    expect(tenant.clusterPlace).toMatchObject({ fault: null, bytes: expect.any(String) });
    expect(Number(tenant.clusterPlace.bytes)).toBeGreaterThan(8_192);
    const { group } = tenant.clusterPlace.node;
    // biome-ignore lint/suspicious/noExplicitAny: an answer as it comes
    const node = told.cluster.nodes.find((each: any) => each.group === group);
    expect(node).toMatchObject({ active: true, takesTenants: true, bytes: expect.any(String) });
    expect(node.tenantCount).toBeGreaterThan(0);
    const readonly = await api.as("READONLY");
    const { tenant: seen } = await readonly.ask(PLACE, { slug });
    expect(seen.clusterPlace.node).toEqual({ group, host: null, port: null });
  });

  test("keeps a tenant's application within its own schema, triggers and all", async () => {
    const other = await life.provisioned({ slug: freshSlug("citus"), dbServer: server.name });
    const secret = await world.platform.secrets.get(`tenant-db-${slug}`);
    const app = new pg.Client({ connectionString: secret?.value ?? "" });
    await app.connect();
    try {
      await app.query("insert into touched (note) values ('a'); update touched set note = 'b'");
      const { rows } = await app.query("select note, times from touched");
      expect(rows).toEqual([{ note: "b", times: 1 }]);
      const foreign = `org_${other.replaceAll("-", "_")}`;
      for (const sql of [`select * from ${foreign}.unit`, "create table x ()", "create schema x"])
        await expect(app.query(sql)).rejects.toMatchObject({ code: "42501" });
    } finally {
      await app.end();
    }
    await life.run("offboardTenant", { slug: other, reason: "done" });
    const purged = await life.run("purgeTenant", { slug: other, ...PURGE });
    expect(purged).toMatchObject({ state: "SUCCEEDED", error: null });
  });

  test("takes later migrations, seeds, laboratories, and the end of a login", async () => {
    await writeFile(
      join(migrations.path, "0005_later.sql"),
      "create table later (id bigint primary key, unit_code text references unit (code));\ncreate index on later (unit_code);",
    );
    await writeFile(
      join(migrations.path, "0006_concurrent.sql"),
      "create index concurrently later_by_id on later (id, unit_code);",
    );
    for (const [act, input] of [
      ["migrateTenant", {}],
      ["seedTenant", { sets: ["extra"] }],
      ["addLaboratory", { name: "Second" }],
      ["suspendTenant", { reason: "unpaid" }],
      ["resumeTenant", {}],
    ] as const) {
      const operation = await life.run(act, { slug, ...input });
      expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
    }
    const rotate = () => life.run("rotateCredentials", { slug, gracePeriodSeconds: 0 });
    const retired = await life.follow(slug, "RETIRE_CREDENTIALS", rotate);
    expect(retired).toMatchObject({ state: "SUCCEEDED", error: null });
    expect(await life.login(slug)).toBe(true);
    const schema = `org_${slug.replaceAll("-", "_")}`;
    const later = `select 1 from citus_shards where table_name = '${schema}.later'::regclass`;
    expect(await askCoordinator(later)).toHaveLength(1);
  });

  test("refuses a table that a migration makes behind Citus's back, and the admin's role", async () => {
    const file = join(migrations.path, "0007_hidden.sql");
    for (const [sql, reason] of [
      [
        "do $$ begin execute 'create table hidden (id int)'; end $$;",
        /the table hidden was not made/,
      ],
      ["do $$ begin execute 're' || 'set ro' || 'le'; end $$;", /role/],
    ] as const) {
      await writeFile(file, sql);
      const failed = await life.run("migrateTenant", { slug });
      expect(failed).toMatchObject({ state: "FAILED", error: { code: "E_MIGRATIONS_FAILED" } });
      expect(failed.error?.message).toMatch(reason);
    }
    await writeFile(file, "select 1;");
  });

  test("places the tables of files that cannot be one transaction, within the operator's bounds", async () => {
    const files = {
      "0008_apart.sql":
        "create table apart (id int primary key, n int);\ncreate index concurrently apart_n on apart (n);\nbegin;\ncreate table block (id int references public.apart (id));\ncommit;",
      "0009_after.sql": "alter table block add n int references apart (id);",
      "0010_timeouts.sql": `set statement_timeout = 0; set lock_timeout = 0;
create table bounds as select current_setting('statement_timeout') as s, current_setting('lock_timeout') as l;`,
    };
    for (const [name, sql] of Object.entries(files)) {
      await writeFile(join(migrations.path, name), sql);
      const operation = await life.run("migrateTenant", { slug });
      expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
    }
    const schema = `org_${slug.replaceAll("-", "_")}`;
    const loose = `select relname::text from pg_class where relnamespace = '${schema}'::regnamespace
      and relkind = 'r' and oid not in (select logicalrelid from pg_dist_partition)`;
    expect(await askCoordinator(loose)).toEqual([]);
    expect(await askCoordinator(`select s, l from ${schema}.bounds`)).toEqual([
      { s: "1h", l: "1h" },
    ]);
  });

  test("is not for isolation DATABASE", async () => {
    const wish = { dbServer: server.name, isolation: "DATABASE" } as const;
    await expect(provision(world.platform, wish)).rejects.toMatchObject({ code: "E_UNSUPPORTED" });
  });

  test("is left clean on every node by a purge", async () => {
    await life.run("migrateTenant", { slug });
    expect(await tenantHealth(world.platform, { slug })).toMatchObject([{ healthy: true }]);
    await life.run("offboardTenant", { slug, reason: "done" });
    const purged = await life.run("purgeTenant", { slug, ...PURGE });
    expect(purged).toMatchObject({ state: "SUCCEEDED", error: null });
    const schema = `org_${slug.replaceAll("-", "_")}`;
    const left = await askCoordinator<{ result: string }>(
      `select result from run_command_on_all_nodes($$ select count(*) from (
         select nspname from pg_namespace where nspname = '${schema}'
         union all select rolname from pg_roles where rolname like '${schema}%') left_over $$)`,
    );
    expect(left.map(({ result }) => result)).toEqual(left.map(() => "0"));
  });
});

test("a cluster that loses the rows of INSERT … SELECT is refused, with the release that does not", async () => {
  await using world = await openPlatform();
  await asSuperuser(world.platform.databaseUrl, async (client) => {
    // A server that loses none passes, and keeps nothing of the look.
    await refuseLostRows(client);
    expect(
      (await client.query("select from pg_namespace where nspname ~ '^tenantry_probe'")).rowCount,
    ).toBe(0);
    const ask = client.query.bind(client) as (text: string) => Promise<pg.QueryResult>;
    const losing = async (text: string) => {
      const lost = /^insert into .* select /.test(text);
      return lost ? { rowCount: 0, rows: [] } : await ask(text);
    };
    const refused = refuseLostRows({ query: losing } as unknown as pg.Client);
    const message = expect.stringMatching(
      /must be Citus 13\.2\.1, 14\.0\.0 or newer.*loses the rows/,
    );
    await expect(refused).rejects.toMatchObject({ issues: [{ path: ["host"], message }] });
  });
});

test.each([
  ["a node is silent", [2], "These nodes do not answer, and the sizes there are not known: 2"],
  ["a table comes or goes", [], expect.stringMatching(/^Tables are being made or dropped at this/)],
])("a cluster says what is so where %s, and the sizes that it knows", async (_, silent, fault) => {
  const answers: [RegExp, object[]][] = [
    [/from pg_catalog.pg_dist_node where/, [{ group: 1 }, { group: 2 }]],
    [
      /from pg_catalog.pg_dist_schema/,
      [
        { schema: "a", group: 1 },
        { schema: "b", group: 2 },
        { schema: "c", group: null },
      ],
    ],
    [
      /from pg_catalog.citus_shards/,
      [
        { schema: "a", bytes: 8 },
        { schema: "b", bytes: null },
      ],
    ],
    [/run_command_on_all_nodes/, silent.map((group) => ({ group }))],
  ];
  const query = async ({ text }: { text: string }) => ({
    rows: answers.find(([asked]) => asked.test(text))?.[1] ?? [],
  });
  const asAdmin = async (_server: DbServer, _database: string, work: (client: object) => unknown) =>
    await work({ query });
  const told = await openClusters({ asAdmin } as unknown as ServerConnections).read({
    kind: "CITUS",
  } as DbServer);
  expect(told?.fault).toEqual(fault);
  expect(told?.nodes.map(({ bytes }) => bytes)).toEqual([8, null]);
  expect([...(told?.places.values() ?? [])].map(({ bytes }) => bytes)).toEqual([8, null, 0]);
});

test("a cluster that stands still keeps nobody who lists db servers", async () => {
  await using world = await openPlatform();
  await using frozen = await startServer();
  const { platform } = world;
  await registerServer(platform, frozen, { name: "frozen" });
  const em = platform.orm.em.fork();
  await em.nativeUpdate(DbServerEntity, { name: "frozen" }, { kind: "CITUS" });
  await using api = await openTestApi(world);
  try {
    const caller = await api.as("READONLY");
    await frozen.freeze();
    const begun = performance.now();
    const { dbServers } = await caller.ask(CLUSTER);
    expect(performance.now() - begun).toBeLessThan(10_000);
    const fault = "The cluster did not answer, or not in full";
    expect(dbServers).toMatchObject([
      { name: "frozen", kind: "CITUS", cluster: { fault, nodes: [] } },
      { name: "default", cluster: null },
    ]);
  } finally {
    await frozen.thaw();
  }
});

test("a cluster that many look at is asked once, on a connection of the server's pool", async () => {
  await using world = await openPlatform();
  const { platform } = world;
  const em = platform.orm.em.fork();
  await em.nativeUpdate(DbServerEntity, { name: "default" }, { kind: "CITUS" });
  const tenants = `${new URL(platform.databaseUrl).pathname.slice(1)}_tenants`;
  const url = urlOf(platform.databaseUrl, tenants);
  const waiting = async (client: pg.Client) => {
    const { rows } = await client.query<{ n: number }>(
      "select count(*)::int as n from pg_locks where not granted and relation = $1::regclass",
      ["pg_catalog.pg_dist_node"],
    );
    return rows[0]?.n ?? 0;
  };
  await using api = await openTestApi(world);
  const caller = await api.as("ADMINISTRATOR");
  await asSuperuser(url, async (holder) => {
    // As much of Citus as it takes to be asked, and to hang.
    await holder.query(`set allow_system_table_mods = on; begin;
      create table pg_catalog.pg_dist_node (nodename text, nodeport int, groupid int,
        isactive bool, shouldhaveshards bool, noderole text)`);
    await holder.query("commit; begin; lock table pg_catalog.pg_dist_node");
    const asked = Promise.all(Array.from({ length: 12 }, () => caller.ask(CLUSTER)));
    let most = 0;
    let answered = false;
    const end = () => {
      answered = true;
    };
    asked.then(end, end);
    const look = async () => {
      most = Math.max(most, await waiting(holder));
      return answered;
    };
    await vi.waitUntil(look, { timeout: 30_000, interval: 20 });
    expect(most).toBe(1);
    for (const { dbServers } of await asked)
      expect(dbServers[0].cluster.fault).toMatch(/does not answer/);
  });
});

const PURGE = { immediately: true, reason: "asked to be forgotten" };

/** Adds a table with a trigger to a tenant schema. */
async function withTrigger(folder: Awaited<ReturnType<typeof openFolder>>) {
  const trigger = `create table touched (note text, times int not null default 0);
    create function touch() returns trigger language plpgsql as $$
      begin new.times := old.times + 1; return new; end $$;
    create trigger touch before update on touched for each row execute function touch();`;
  await writeFile(join(folder.path, "0004_touched.sql"), trigger);
  return folder;
}
