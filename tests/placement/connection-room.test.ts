import pg from "pg";
import { expect, test } from "vitest";
import { sqlStateOf } from "../../src/database/faults.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { checkDbServer } from "../../src/placement/check-server.ts";
import { connectionWarnings } from "../../src/placement/connection-room.ts";
import { asSuperuser } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { registerServer, startServer } from "../kit/servers.ts";
import { Life } from "../operations/_life.ts";

const LIMIT = 12;
/** For everybody 27, Tenantry's included, so that three tenants fill it; for Tenantry's admin 10 more. */
const SETTINGS = {
  max_connections: "40",
  superuser_reserved_connections: "3",
  reserved_connections: "10",
};

const server = perFile(() => startServer({ settings: SETTINGS }));
const world = perFile(() =>
  openPlatform({ worker: true, environment: { TENANT_CONNECTION_LIMIT: String(LIMIT) } }),
);
const life = new Life(world);

/** Opens sessions until the server refuses one; answers them. */
async function fill(slug: string): Promise<pg.Client[]> {
  const secret = await world.platform.secrets.get(`tenant-db-${slug}`);
  for (const sessions: pg.Client[] = []; ; ) {
    const client = new pg.Client({ connectionString: secret?.value ?? "" });
    client.on("error", () => undefined);
    try {
      await client.connect();
      sessions.push(client);
    } catch (error) {
      expect(sqlStateOf(error)).toBe("53300");
      return sessions;
    }
  }
}

test("tenants that have filled a server keep Tenantry from nothing", async () => {
  const { platform } = world;
  await asSuperuser(server.url, (client) =>
    client.query(`create role keeper login createdb createrole password 'keeper';
      grant pg_use_reserved_connections to keeper`),
  );
  const url = new URL(server.url);
  [url.username, url.password] = ["keeper", "keeper"];
  const { host, port } = server;
  const place = { host, port, url: url.href };
  const registered = await registerServer(platform, place, { name: "small" });
  const tenants = [];
  for (let more = 0; more < 3; more++)
    tenants.push(await life.provisioned({ dbServer: "small", seeds: [] }));
  const [greedy = "", other = "", third = ""] = tenants;
  const notes = (await checkDbServer(platform, registered)).warnings.join("\n");
  expect(notes).toContain("may open 36 connections together, and there are 21");
  expect(notes).not.toContain("kept for Tenantry");
  const opened = [await fill(greedy), await fill(other), await fill(third)];
  const [first, second, rest = 0] = opened.map((sessions) => sessions.length);
  expect([first, second]).toEqual([LIMIT, LIMIT]);
  expect(rest).toBeLessThan(LIMIT);
  expect((await checkDbServer(platform, registered)).fault).toBeNull();
  expect((await tenantHealth(platform, { slug: greedy }))[0]?.findings).toEqual([]);
  expect(await life.run("suspendTenant", { slug: greedy })).toMatchObject({ state: "SUCCEEDED" });
  const after = await fill(third);
  expect(after.length).toBeGreaterThan(0);
  await Promise.all([...opened.flat(), ...after].map((client) => client.end()));
  await life
    .tenant(third)
    .then(({ id }) =>
      life.em.execute("update platform.tenant set connection_limit = 21 where id = ?", [id]),
    );
  expect((await tenantHealth(platform, { slug: third }))[0]?.findings).toMatchObject([
    { code: "ROLE_LIMITS" },
    { code: "CONNECTION_LIMIT_HIGH", repair: null },
  ]);
});

const SOME = { open: 100, logins: 4, unlimited: 0, limits: 80, largest: 20 };

test.each([
  ["where all fits", { kept: 0, superuser: false, reserves: false }, 12, []],
  [
    "where tenants can keep each other out, and Tenantry has its own",
    { limits: 200, kept: 12, superuser: true, reserves: true },
    12,
    [/may open 200 connections together, and there are 88/],
  ],
  [
    "where one alone can",
    { largest: 95, limits: 95, kept: 0, superuser: false, reserves: false },
    12,
    [/a tenant may open 95 .* there are 88/, /may open 95/, /Raise max_connections/],
  ],
  [
    "what keeps some for a superuser",
    { limits: 99, kept: 3, superuser: true, reserves: true },
    12,
    [/there are 88/, /Set superuser_reserved_connections to 12/],
  ],
  [
    "what keeps some for others, and what has no limit",
    { unlimited: 1, kept: 0, superuser: false, reserves: true },
    12,
    [/1 of 4 logins of tenants have no connection limit/, /pg_use_reserved_connections/],
  ],
] as const)("tells %s", (_, found, need, told) => {
  const warnings = connectionWarnings({ ...SOME, ...found }, need);
  expect(warnings).toEqual(told.map((words) => expect.stringMatching(words)));
});
