import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../kit/database.ts";
import { testEnvironment } from "../kit/platform.ts";
import { startServer, type TestServer } from "../kit/servers.ts";
import {
  COMMAND,
  type Environment,
  linesOf,
  makeDataDir,
  setUpPlatform,
  start,
  tenantry,
} from "./_run.ts";

let database: TestDatabase;
let dataDir: string;
let environment: Environment;
let server: TestServer;

beforeAll(async () => {
  [database, dataDir, server] = await Promise.all([
    createDatabase("platform"),
    makeDataDir(),
    startServer(),
  ]);
  environment = testEnvironment(database.url, dataDir);
  await setUpPlatform(environment);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const run = (...words: string[]) => tenantry(["db-server", ...words], environment);

/** Runs a command with a password on its standard input. */
async function runWithPassword(password: string, ...words: string[]) {
  const { child, ended } = start([COMMAND, "db-server", ...words, "--password-stdin"], environment);
  child.stdin.end(`${password}\n`);
  return await ended;
}

const add = () => [
  ...["add", "--name", "eu-1", "--region", "eu-central", "--host", server.host],
  ...["--port", String(server.port), "--tls", "disable", "--capacity", "50"],
  ...["--admin-secret", "db-server-eu-1", "--label", "team=emea"],
];

describe("tenantry db-server", () => {
  test("adds a server with its admin's password, lists, checks, drains and mends it", async () => {
    const { username: user, password } = new URL(server.url);
    const wrong = await runWithPassword("wrong", ...add(), "--admin-user", user);
    expect(wrong.end).toBe(1);
    expect(wrong.stderr).toContain("E_ADMIN_CONN_UNRESOLVED: Db server 'eu-1' cannot be entered");
    const added = await runWithPassword(password, ...add(), "--admin-user", user, "--json");
    expect(added).toMatchObject({ end: 0, stderr: "" });
    expect(linesOf(added)).toMatchObject([
      {
        type: "RESULT",
        name: "eu-1",
        status: "ACTIVE",
        freeCapacity: 50,
        labels: { team: "emea" },
      },
    ]);
    expect(added.stdout).not.toContain(password);

    const list = await run("list");
    expect(list.stdout).toMatch(
      /^NAME +REGION +KIND +STATUS +TENANTS +CAPACITY +FREE +LOAD +ADDRESS\n/,
    );
    expect(list.stdout).toMatch(
      /\neu-1 +eu-central +POSTGRES +ACTIVE +0 +50 +50 +0 % +127\.0\.0\.1:\d+\n/,
    );
    const check = await run("check");
    expect(check.end).toBe(0);
    expect(check.stdout).toMatch(/✔ eu-1 {2}ACTIVE {2}PostgreSQL \d+\.\d+, admin is superuser/);

    const drained = await run(
      "update",
      "--name",
      "eu-1",
      "--status",
      "draining",
      "--capacity",
      "9",
    );
    expect(drained).toMatchObject({ end: 0, stdout: "✔ Db server 'eu-1' is DRAINING\n" });
    await server.stop();
    const broken = await run("check", "--name", "eu-1", "--json");
    expect(broken.end).toBe(1);
    expect(linesOf(broken)).toMatchObject([{ name: "eu-1", ok: false, status: "DRAINING" }]);
  });

  test("answers wrong usage with exit code 2 and names what is missing", async () => {
    const [bare, halves, port, label] = await Promise.all([
      run("add", "--name", "eu-2"),
      run("update", "--name", "eu-1", "--admin-user", "me"),
      run("update", "--name", "eu-1", "--port", "many"),
      run("update", "--name", "eu-1", "--label", "team"),
    ]);
    expect([bare.end, halves.end, port.end, label.end]).toEqual([2, 2, 2, 2]);
    expect(bare.stderr).toContain("Missing: --region, --host, --admin-secret");
    expect(halves.stderr).toContain("go together");
  });
});
