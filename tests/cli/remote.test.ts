import { beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../packages/embedded-postgres/src/port.ts";
import { createServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { startServer } from "../kit/servers.ts";
import { OPERATOR } from "../kit/tenants.ts";
import { COMMAND, type Environment, linesOf, resultOf, start, tenantry } from "./_run.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
/** Nothing of the service is at hand where these commands run. */
let environment: Environment;
let tokenId: string;

const tokenFor = (role: string) => {
  const { orm, clock } = world.platform;
  return createServiceToken({ em: orm.em, clock }, OPERATOR, { name: `cli ${role}`, role });
};

beforeAll(async () => {
  const { value, serviceToken } = await tokenFor("PROVISIONER");
  tokenId = serviceToken.id;
  environment = {
    DATA_DIR: world.dataDir,
    DATABASE_URL: "postgres://nobody@127.0.0.1:1/none",
    TENANTRY_URL: api.url,
    TENANTRY_TOKEN: value,
  };
});

const slug = freshSlug();
const provision = (of: string, ...more: string[]) => [
  ...["tenant", "provision", "--slug", of, "--name", "A Lab"],
  ...["--admin-email", `ada@${of}.test`, "--lab", "Main", ...more],
];

test("provisions over the API, shows the phases live, and reveals the one-time password", async () => {
  const words = provision(slug, "--admin-credential", "one-time-password");
  const ran = await tenantry(words, environment);
  expect(ran).toMatchObject({ end: 0, stderr: "" });
  expect(ran.stdout).toContain(`Provisioning ${slug}`);
  expect(ran.stdout).toMatch(/✔ PLACEMENT_RESOLVED[\s\S]*✔ MIGRATIONS_APPLIED[\s\S]*✔ COMPLETE/);
  expect(ran.stdout).toMatch(/tables +\d+[\s\S]*role login +works/);
  expect(ran.stdout).toContain(`ada@${slug}.test`);
  expect(ran.stdout).toMatch(/one-time password +\w{20} {2}\(shown once/);
});

test("migrates, and acts as the token", async () => {
  const ran = await tenantry(["tenant", "migrate", "--slug", slug, "--json"], environment);
  expect(ran).toMatchObject({ end: 0, stderr: "" });
  const lines = linesOf(ran);
  expect(lines[0]).toMatchObject({ type: "STARTED", replayed: false });
  expect(lines[1]).toMatchObject({ sequence: 1, type: "OPERATION_STATE" });
  expect(lines.at(-1)).toMatchObject({
    type: "RESULT",
    operation: {
      kind: "MIGRATE",
      state: "SUCCEEDED",
      slug,
      requestedBy: { kind: "SERVICE_TOKEN", id: tokenId, name: "cli PROVISIONER" },
    },
  });
});

test("answers as the same command does at the machine", async () => {
  const machine = world.environment;
  for (const words of [
    ["tenant", "show", "--slug", slug, "--json"],
    ["tenant", "list", "--text", slug],
    ["operation", "list", "--slug", slug, "--json"],
  ]) {
    const [remote, local] = await Promise.all([
      tenantry(words, environment),
      tenantry(words, machine),
    ]);
    expect(remote).toMatchObject({ end: 0, stderr: "" });
    if (!words.includes("--json")) expect(remote.stdout).toBe(local.stdout);
    else {
      const [seen] = linesOf(remote);
      const [kept] = linesOf(local);
      for (const field of Object.keys(seen ?? {})) {
        if (field !== "result") expect(seen?.[field]).toEqual(kept?.[field]);
      }
    }
  }
});

test("lists as many operations as are asked for, whatever the API allows at once", async () => {
  const ran = await tenantry(["operation", "list", "--limit", "1000", "--json"], environment);
  expect(ran).toMatchObject({ end: 0, stderr: "" });
  expect(linesOf(ran)).toHaveLength(2);
});

test("seeds, suspends, resumes, watches and retries", async () => {
  const runs: [words: string[], end: number, text: RegExp][] = [
    [["seed", "core", "--tenant-slug", slug], 0, /SEED of .* is done/],
    [["tenant", "suspend", "--slug", slug, "--reason", "unpaid"], 0, /sessions ended/],
    [["tenant", "resume", "--slug", slug], 0, /RESUME of .* is done/],
  ];
  for (const [words, end, text] of runs) {
    const ran = await tenantry(words, environment);
    expect({ end: ran.end, words, stderr: ran.stderr }).toEqual({ end, words, stderr: "" });
    expect(ran.stdout).toMatch(text);
  }
  const [newest] = linesOf(
    await tenantry(["operation", "list", "--slug", slug, "--json"], environment),
  );
  const watched = await tenantry(["operation", "watch", String(newest?.id)], environment);
  expect(watched).toMatchObject({ end: 0, stderr: "" });
  expect(watched.stdout).toContain("✔");
  const again = await tenantry(["operation", "retry", String(newest?.id)], environment);
  expect(again.end).toBe(1);
  expect(again.stderr).toContain("E_NOT_RETRYABLE");
});

test("the doctor tells, mends and is refused as at the machine", async () => {
  const doctor = ["tenant", "doctor", "--slug", slug];
  const onTenants = async (sql: string) =>
    await asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) => client.query(sql));
  const { schemaName, appRole } = await tenantBySlug(world.platform.orm.em.fork(), slug);
  const both = async (...words: string[]) =>
    await Promise.all([environment, world.environment].map((where) => tenantry(words, where)));
  const alike = async (end: number, ...words: string[]) => {
    const [remote, local] = await both(...words);
    expect(remote).toEqual(local);
    expect(remote).toMatchObject({ end, stderr: "" });
    return remote?.stdout ?? "";
  };
  expect(await alike(0, ...doctor)).toContain("nothing found. Tables themselves");
  await alike(0, "tenant", "doctor", "--json");

  await onTenants(`alter role ${appRole} nologin`);
  expect(await alike(1, ...doctor)).toMatch(/ROLE_CANNOT_LOGIN +SET_LOGIN or FOLLOW_STATUS/);
  await alike(1, ...doctor, "--json");
  const named = await tenantry([...doctor, "--fix=FOLLOW_STATUS"], environment);
  expect(named).toMatchObject({ end: 1, stderr: expect.stringContaining("E_FORBIDDEN") });
  const mended = await tenantry([...doctor, "--fix"], environment);
  expect(mended.stdout).toContain(`✔ SET_LOGIN for ${slug}\n✔ Looked at 1 tenant`);
  expect(mended).toMatchObject({ end: 0, stderr: "" });

  await onTenants(`drop schema ${schemaName} cascade`);
  const fixed = await tenantry([...doctor, "--fix", "--json"], environment);
  expect(fixed.stderr).toBe("");
  resultOf(fixed);
  const lines = linesOf(fixed);
  const told = { slug, code: "SCHEMA_MISSING", repair: "MIGRATE" };
  expect(lines[0]).toMatchObject({ type: "FINDING", ...told, remedies: ["MIGRATE", "PURGE"] });
  expect(lines[1]).toMatchObject({ type: "REPAIRED", ...told, others: ["PURGE"] });
  expect(lines[2]).toMatchObject({ type: "STARTED", operation: { kind: "MIGRATE" } });
  expect(lines.find(({ type }) => type === "OPERATION")).toMatchObject({
    operation: { kind: "MIGRATE", state: "SUCCEEDED" },
  });
  const [gone, here] = await both("tenant", "doctor", "--slug", "nobody-here");
  expect(gone).toEqual(here);
  expect(gone?.stderr).toContain("E_TENANT_NOT_FOUND");
});

describe("db servers", () => {
  const server = perFile(startServer);
  const asAdministrator = async () => ({
    ...environment,
    TENANTRY_TOKEN: (await tokenFor("ADMINISTRATOR")).value,
  });

  test("are added, changed, listed and checked as at the machine", async () => {
    const { host, port, url } = server;
    await world.platform.secrets.set("db-server-far", url, {});
    const token = await asAdministrator();
    const add = [
      ...["db-server", "add", "--name", "far", "--region", "far", "--host", host, "--json"],
      ...["--port", String(port), "--tls", "disable", "--admin-secret", "db-server-far"],
    ];
    const added = await tenantry([...add, "--label", "team=a", "--label", "team=emea"], token);
    expect(added).toMatchObject({ end: 0, stderr: "" });
    const change = ["db-server", "update", "--name", "far", "--capacity", "9"];
    const changed = await tenantry([...change, "--status", "draining"], token);
    expect(changed).toMatchObject({ end: 0, stdout: "✔ Db server 'far' is DRAINING\n" });

    // Nobody else is on this server, of which a check tells what stands open.
    const check = ["check", "--name", "far"];
    for (const words of [["list"], ["list", "--json"], check, [...check, "--json"]]) {
      const [remote, local] = await Promise.all(
        [token, world.environment].map((where) => tenantry(["db-server", ...words], where)),
      );
      const timeless = (text = "") => text.replace(/\d+ ms|"ms":\d+/g, "ms");
      expect(remote).toMatchObject({ end: 0, stderr: "" });
      expect(timeless(remote?.stdout)).toBe(timeless(local?.stdout));
    }
    const [row] = linesOf(await tenantry(["db-server", "list", "--json"], token));
    expect(row).toEqual({
      ...linesOf(added)[0],
      type: undefined,
      updatedAt: expect.any(String),
      cluster: null,
      status: "DRAINING",
      capacityHint: 9,
      freeCapacity: 9,
      labels: { team: "emea" },
    });
  });

  test("refuse whoever may not, and a password", async () => {
    const list = await tenantry(["db-server", "list"], {
      ...environment,
      TENANTRY_TOKEN: (await tokenFor("READONLY")).value,
    });
    expect(list).toMatchObject({ end: 0, stderr: "" });
    expect(list.stdout).not.toContain("127.0.0.1");
    const refused = await tenantry(["db-server", "update", "--name", "x"], environment);
    expect(refused).toMatchObject({ end: 1, stderr: expect.stringContaining("E_FORBIDDEN") });
    const gone = await tenantry(["db-server", "check", "--name", "x"], environment);
    expect(gone.stderr).toContain("Db server 'x' not found");
    const password = ["--admin-user", "me", "--password-stdin"];
    const { child, ended } = start(
      [COMMAND, "db-server", "update", "--name", "default", ...password],
      await asAdministrator(),
    );
    child.stdin.end("secret\n");
    const ran = await ended;
    expect(ran.end).toBe(2);
    expect(ran.stderr).toContain("No password passes through the API");
  });
});

describe("refuses in the words of the machine", () => {
  test("what is asked for wrongly", async () => {
    const ran = await tenantry(provision("-bad-"), environment);
    expect(ran.end).toBe(1);
    expect(ran.stderr).toContain("E_VALIDATION");
    expect(ran.stderr).toMatch(/--slug: must match [\s\S]*--admin-email: must be an email address/);
    const gone = await tenantry(["tenant", "show", "--slug", "nobody-here"], environment);
    expect(gone).toMatchObject({ end: 1 });
    expect(gone.stderr).toContain("Tenant slug 'nobody-here' not found");
    const none = await tenantry(["operation", "watch", "nothing"], environment);
    expect(none.stderr).toContain("E_OPERATION_NOT_FOUND");
  });

  test("what the token's role does not allow", async () => {
    const { value } = await tokenFor("READONLY");
    const ran = await tenantry(provision(freshSlug(), "--json"), {
      ...environment,
      TENANTRY_TOKEN: value,
    });
    expect(ran.end).toBe(1);
    expect(linesOf(ran)[0]).toMatchObject({ type: "ERROR", error: { code: "E_FORBIDDEN" } });
  });

  test("a token that lets nobody in, which it does not repeat", async () => {
    const TENANTRY_TOKEN = `tnt_${"0".repeat(49)}`;
    const ran = await tenantry(["tenant", "list"], { ...environment, TENANTRY_TOKEN });
    expect(ran.end).toBe(1);
    expect(ran.stderr).toContain("E_UNAUTHENTICATED");
    expect(ran.stdout + ran.stderr).not.toContain(TENANTRY_TOKEN);
  });

  test("an API that is not there, in one line", async () => {
    const TENANTRY_URL = `http://127.0.0.1:${await freePort()}/graphql`;
    const ran = await tenantry(["tenant", "list"], { ...environment, TENANTRY_URL });
    expect(ran.end).toBe(1);
    expect(ran.stderr).toMatch(
      /^✘ The API at http:\/\/127.*graphql is not reached: .*ECONNREFUSED.*\n$/,
    );
  });

  test("to send the token over plain http to another machine unsaid", async () => {
    const TENANTRY_URL = `http://0.0.0.0:${await freePort()}/graphql`;
    const ran = await tenantry(["tenant", "list"], { ...environment, TENANTRY_URL });
    expect(ran.stderr).toContain("TENANTRY_URL is not https");
    const safe = await tenantry(["tenant", "list"], environment);
    expect(safe.stderr).not.toContain("https");
  });

  test("commands of the machine, with exit code 2", async () => {
    for (const words of [
      ["db", "upgrade"],
      ["audit", "verify"],
      ["audit", "export"],
    ]) {
      const ran = await tenantry(words, environment);
      expect(ran.end).toBe(2);
      expect(ran.stderr).toContain("unset TENANTRY_TOKEN");
    }
    const faulty = { ...environment, TENANTRY_URL: "ftp://x" };
    const ran = await tenantry(["tenant", "list"], faulty);
    expect(ran.end).toBe(2);
    expect(ran.stderr).toContain("TENANTRY_URL: must be a URL");
  });
});
