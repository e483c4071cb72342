import { access, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openMigrator, openOrm } from "../../src/database/orm.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { asSuperuser, createDatabase, freshSlug, type TestDatabase } from "../kit/database.ts";
import { SMALL, testEnvironment } from "../kit/platform.ts";
import { type Environment, linesOf, makeDataDir, SERVICE, start, tenantry } from "./_run.ts";

let database: TestDatabase;
let dataDir: string;
let environment: Environment;

beforeAll(async () => {
  [database, dataDir] = await Promise.all([createDatabase("empty"), makeDataDir()]);
  environment = testEnvironment(database.url, dataDir);
});
afterAll(async () => {
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const sql = async (text: string) =>
  (await asSuperuser(database.url, (client) => client.query(text))).rows;
const platformTables = () =>
  sql("select 1 from pg_tables where schemaname in ('platform', 'dbos')");

/** A command that looks, and one that acts. */
const COMMANDS = [
  ["tenant", "list"],
  [
    ...["tenant", "provision", "--slug", freshSlug(), "--name", "Acme"],
    ...["--admin-email", "ada@acme.test", "--lab", "Main", "--json"],
  ],
];

/** Runs each of the commands; expects each to be refused with this, and answers nothing else. */
async function refused(because: RegExp, where: Environment): Promise<void> {
  const runs = await Promise.all(COMMANDS.map((words) => tenantry(words, where)));
  for (const [index, { end, stdout, stderr }] of runs.entries()) {
    expect({ end, lines: stderr.trim().split("\n").length }).toEqual({ end: 1, lines: 1 });
    expect(stderr).toMatch(because);
    if (!COMMANDS[index]?.includes("--json")) expect(stdout).toBe("");
    else {
      const message = expect.stringMatching(because);
      expect(JSON.parse(stdout)).toMatchObject({ type: "ERROR", error: { code: null, message } });
    }
  }
}

test("where no platform lies in the data folder, a command says so and makes none", async () => {
  const elsewhere = join(dataDir, "elsewhere");
  await mkdir(elsewhere);
  await refused(/There is no platform in .*elsewhere: .*DATA_DIR or DATABASE_URL/, {
    ...SMALL,
    DATA_DIR: elsewhere,
  });
  expect(await readdir(elsewhere)).toEqual([]);
});

describe("a platform database", () => {
  test("that is empty is left empty", async () => {
    await refused(/holds no platform yet: .*`tenantry db upgrade`/, environment);
    expect(await platformTables()).toEqual([]);
  });

  test("of an older version is upgraded by `db upgrade` alone", async () => {
    const orm = openOrm({ url: database.url, entities: PLATFORM_ENTITIES });
    await (await openMigrator(orm)).up({ to: "Migration0001Platform" });
    await orm.close();
    const before = await platformTables();
    await refused(
      /older than this program and lacks Migration.*`tenantry db upgrade`/,
      environment,
    );
    expect(await platformTables()).toEqual(before);

    const upgraded = await tenantry(["db", "upgrade", "--json"], environment);
    const [{ applied, ...result } = {}] = linesOf(upgraded);
    expect(result).toMatchObject({ type: "RESULT", newer: false });
    expect(applied).toContain("Migration0002TenantLife");
    const listed = await tenantry(["tenant", "list"], environment);
    expect(listed).toEqual({ end: 0, stdout: "", stderr: "No tenants.\n" });
  });

  test("whose durable engine is of an older version is not upgraded either", async () => {
    const [{ version } = {}] = await sql(
      "select max(version) as version from dbos.dbos_migrations",
    );
    await sql("update dbos.dbos_migrations set version = 1");
    await refused(
      /engine's tables are older than this program: .*`tenantry db upgrade`/,
      environment,
    );
    await sql(`update dbos.dbos_migrations set version = ${version}`);
  });

  test("is looked at from another address without its servers being told another", async () => {
    const tunnel = database.url.replace("127.0.0.1", "localhost");
    expect(tunnel).not.toBe(database.url);
    const listed = await tenantry(["db-server", "list", "--json"], {
      ...environment,
      DATABASE_URL: tunnel,
    });
    expect(listed).toMatchObject({ end: 0, stderr: "" });
    expect(linesOf(listed)).toMatchObject([{ name: "default", host: "127.0.0.1" }]);
  });

  test("whose secrets lie elsewhere gets no key of this folder's", async () => {
    const away = join(dataDir, "away");
    await mkdir(away);
    const listed = await tenantry(["tenant", "list"], { ...environment, DATA_DIR: away });
    expect(listed).toMatchObject({ end: 1, stdout: "" });
    expect(listed.stderr).toContain("E_SECRET_STORE");
    await expect(access(join(away, "secret.key"))).rejects.toThrow("ENOENT");
  });

  test("of a newer version is refused by commands, and served in a rolling deploy", async () => {
    await sql("insert into platform.migration (name) values ('Migration9999Later')");
    await refused(/newer than this program, which does not know Migration9999Later/, environment);
    const upgrade = await tenantry(["db", "upgrade"], environment);
    expect(upgrade).toMatchObject({ end: 0, stderr: "" });
    expect(upgrade.stdout).toContain("at Migration9999Later, newer than this program.");
    const service = start([SERVICE], { ...environment, LOG_LEVEL: "warn" });
    await service.until("Ctrl-C stops it.");
    service.child.kill("SIGTERM");
    const served = await service.ended;
    expect(served.end).toBe(0);
    expect(served.stderr).toContain("the platform database is newer than this program");
  });
});
