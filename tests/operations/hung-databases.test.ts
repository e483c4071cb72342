import pg from "pg";
import { expect, test, vi } from "vitest";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, urlOf } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { Life } from "./_life.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const life = new Life(world);

/** Makes a database hang for whoever enters it, until the answer is called. */
async function hang(database: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: urlOf(world.platform.databaseUrl, database) });
  await client.connect();
  await client.query("begin; lock table pg_catalog.pg_namespace in access exclusive mode");
  return () => client.end();
}

/** In how many of the databases somebody waits at this moment. */
const waitedFor = (databases: readonly string[]) =>
  asSuperuser(world.platform.databaseUrl, async (client) => {
    const { rows } = await client.query<{ n: number }>(
      `select count(distinct l.database)::int as n from pg_locks l
       join pg_database b on b.oid = l.database where not l.granted and b.datname = any($1)`,
      [databases],
    );
    return rows[0]?.n;
  });

interface Health {
  readonly tenant: { readonly slug: string } | null;
  readonly findings: readonly { readonly code: string; readonly message: string }[];
}

const HEALTH = "{ tenantHealth { tenant { slug } findings { code message } } }";

test("own databases are looked at side by side, and one that hangs is a finding of its tenant alone", async () => {
  const own = await Promise.all(
    [1, 2, 3].map(() => life.provisioned({ isolation: "DATABASE", seeds: [] })),
  );
  const shared = await life.provisioned({ seeds: [] });
  const { appRole } = await life.tenant(shared);
  await asSuperuser(world.platform.databaseUrl, (client) =>
    client.query(`alter role ${appRole} nologin`),
  );
  const databases = own.map((slug) => `tenant_${slug.replaceAll("-", "_")}`);
  const releases = await Promise.all(databases.map(hang));
  try {
    const asked = (await api.as("SUPPORT")).ask(HEALTH);
    await vi.waitUntil(async () => (await waitedFor(databases)) === 3, {
      timeout: 30_000,
      interval: 20,
    });
    await Promise.all(releases.splice(0, 2).map((release) => release()));
    const healths: Health[] = (await asked).tenantHealth;
    const of = (slug = "") => healths.find(({ tenant }) => tenant?.slug === slug)?.findings;
    expect([of(own[0]), of(own[1])]).toEqual([[], []]);
    expect(of(own[2])).toEqual([
      {
        code: "SERVER_UNREACHABLE",
        message: `The database ${databases[2]} cannot be entered`,
      },
    ]);
    expect(of(shared)).toMatchObject([{ code: "ROLE_CANNOT_LOGIN" }]);
  } finally {
    await Promise.all(releases.map((release) => release()));
  }
});
