import { execFile } from "node:child_process";
import { promisify } from "node:util";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { Life } from "../operations/_life.ts";
import { linesOf, type Ran, tenantry } from "./_run.ts";

const world = perFile(() => openPlatform({ worker: true }));
const life = new Life(world);

const credentials = (...words: string[]): Promise<Ran> =>
  tenantry(["tenant", "credentials", ...words], world.environment);

/** What a shell has in its environment once it has read these lines. */
async function environmentOf(lines: string): Promise<Record<string, string>> {
  const { stdout } = await promisify(execFile)("/bin/sh", ["-c", `${lines}\nenv`], { env: {} });
  return Object.fromEntries(
    stdout.split("\n").map((line) => [line.split("=")[0], line.slice(line.indexOf("=") + 1)]),
  );
}

/** Who is logged in, and the tables that are found without naming a schema. */
async function seenBy(config: pg.ClientConfig) {
  const client = new pg.Client(config);
  await client.connect();
  try {
    const { rows } = await client.query(
      `select current_user as role, current_setting('search_path') as path,
         'organization'::regclass::oid > 0 as found, (select count(*)::int from organization) as rows`,
    );
    return rows[0];
  } finally {
    await client.end();
  }
}

const revealed = async (slug: string) =>
  (await tenantry(
    ["audit", "list", "--type", "TENANT_CREDENTIALS_REVEALED", "--slug", slug, "--json"],
    world.environment,
  ).then(linesOf)) as { actorKind: string; detail: Record<string, unknown> }[];

describe.each(["SCHEMA", "DATABASE"] as const)("a tenant of isolation %s", (isolation) => {
  test("an application connects by each form, and finds its tables", async () => {
    const slug = await life.provisioned({ isolation });
    const [uri, json, env] = await Promise.all([
      credentials(slug, "--format", "uri"),
      credentials("--slug", slug, "--format", "json", "--reason", "new deployment"),
      credentials(slug),
    ]);
    for (const ran of [uri, json, env]) expect(ran).toMatchObject({ end: 0, stderr: "" });
    const { appRole, databaseName } = await life.tenant(slug);
    const seen = { role: appRole, found: true, rows: 1, path: expect.stringContaining(", ext") };

    const url = uri.stdout.trimEnd();
    expect(url.split("\n")).toHaveLength(1);
    expect(await seenBy({ connectionString: url })).toEqual(seen);

    const [found = {}] = linesOf(json);
    expect(found).toMatchObject({
      type: "RESULT",
      slug,
      status: "ACTIVE",
      url,
      user: appRole,
      database: databaseName,
      sslmode: "disable",
    });
    const { host, port, database, user, password } = found as Record<string, string>;
    expect(await seenBy({ host, port: Number(port), database, user, password })).toEqual({
      ...seen,
      path: (found.searchPath as string[]).join(", "),
    });

    const set = await environmentOf(env.stdout);
    expect(set).toMatchObject({ DATABASE_URL: url, PGSSLMODE: "disable" });
    const { PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD } = set;
    const login = { host: PGHOST, database: PGDATABASE, user: PGUSER, password: PGPASSWORD };
    expect(await seenBy({ ...login, port: Number(PGPORT) } as pg.ClientConfig)).toEqual(seen);
  });
});

test("every reveal is in the audit trail, with its reason and without the password", async () => {
  const slug = await life.provisioned();
  const [shown = {}] = linesOf(await credentials(slug, "--format", "json", "--reason", "by hand"));
  await credentials(slug, "--format", "uri");
  const events = await revealed(slug);
  const { appRole } = await life.tenant(slug);
  expect(events).toMatchObject([
    { actorKind: "OS_USER", detail: { reason: null, role: appRole } },
    { actorKind: "OS_USER", detail: { reason: "by hand", role: appRole } },
  ]);
  expect(JSON.stringify(events)).not.toContain(shown.password);
});

test("after a rotation it shows the new login; of a suspended tenant it says that it is closed", async () => {
  const slug = await life.provisioned();
  await life.run("rotateCredentials", { slug });
  const { appRole } = await life.tenant(slug);
  expect(appRole).toMatch(/_b$/);
  expect(linesOf(await credentials(slug, "--format", "json"))).toMatchObject([{ user: appRole }]);
  await life.run("suspendTenant", { slug });
  const suspended = await credentials(slug, "--format", "uri");
  expect(suspended).toMatchObject({ end: 0, stdout: expect.stringContaining(appRole) });
  expect(suspended.stderr).toContain(`Tenant '${slug}' is SUSPENDED`);
});

test("what cannot be shown is refused: no tenant, no secret, no name, no such format, a token", async () => {
  const slug = await life.provisioned();
  const { secretName } = await life.tenant(slug);
  await life.platform.secrets.purge(secretName);
  const token = { ...world.environment, TENANTRY_TOKEN: "tnt_none" };
  const [none, gone, unnamed, twice, format, remote] = await Promise.all([
    credentials("nobody"),
    credentials(slug),
    credentials(),
    credentials(slug, "--slug", slug),
    credentials(slug, "--format", "yaml"),
    tenantry(["tenant", "credentials", slug], token),
  ]);
  expect([none, gone, unnamed, twice, format, remote].map(({ end }) => end)).toEqual([
    1, 1, 2, 2, 2, 2,
  ]);
  expect(none.stderr).toContain("E_TENANT_NOT_FOUND: Tenant slug 'nobody' not found");
  expect(gone.stderr).toContain(`E_SECRET_STORE: The secret '${secretName}' is gone`);
  expect(gone.stderr).toContain("`tenantry tenant rotate-credentials`");
  expect(unnamed.stderr).toContain("tenantry tenant credentials <slug>");
  expect(format.stderr).toContain("--format must be one of ENV, JSON, URI");
  expect(remote.stderr).toContain("at the machine only");
  expect(await revealed(slug)).toEqual([]);
});
