import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDatabase, freshSlug, type TestDatabase } from "../kit/database.ts";
import { testEnvironment } from "../kit/platform.ts";
import {
  COMMAND,
  type Environment,
  linesOf,
  makeDataDir,
  setUpPlatform,
  start,
  tenantry,
  tenantryAlone,
} from "./_run.ts";

let database: TestDatabase;
let dataDir: string;
let environment: Environment;

beforeAll(async () => {
  database = await createDatabase("platform");
  dataDir = await makeDataDir();
  environment = { ...testEnvironment(database.url, dataDir), LOG_LEVEL: "info" };
  await setUpPlatform(environment);
});

afterAll(async () => {
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const provision = (slug: string, ...more: string[]) => [
  ...["tenant", "provision", "--slug", slug, "--name", `${slug} Labs`],
  ...["--admin-email", `ada@${slug}.test`, "--lab", "Main", ...more],
];

/** A folder with one tenant migration. */
async function migrations(sql: string): Promise<string> {
  const folder = await mkdtemp(join(dataDir, "migrations-"));
  await writeFile(join(folder, "0001_first.sql"), sql);
  return folder;
}

describe("the command line", () => {
  test("shows the commands in groups, and what each flag does", async () => {
    const [all, one] = await Promise.all([
      tenantry(["--help"], environment),
      tenantry(["tenant", "provision", "--help"], environment),
    ]);
    expect(all).toMatchObject({ end: 0, stderr: "" });
    expect(all.stdout).toMatch(
      /Tenants:\n\s+tenant [\s\S]*Operations:\n[\s\S]*Platform:\n\s+serve/,
    );
    expect(one.stdout).toContain("--admin-credential <kind>");
    expect(one.stdout).toContain("$ tenantry tenant provision --slug acme");
  });

  test("answers wrong usage and a wrong configuration with exit code 2, before anything is opened", async () => {
    const nowhere = { ...environment, DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
    const runs = await Promise.all([
      tenantry(["tenat"], nowhere),
      tenantry(["tenant", "provision", "--lab", "Main"], nowhere),
      tenantry(["tenant", "list"], { ...nowhere, PORT: "many", LOG_LEVEL: "loud" }),
      tenantry(["audit", "export", "--since", "", "--after", "first"], nowhere),
      tenantry(["user", "disable"], nowhere),
    ]);
    expect(runs.map((run) => run.end)).toEqual([2, 2, 2, 2, 2]);
    expect(runs[0].stderr).toBe(
      "error: unknown command 'tenat'\n(Did you mean tenant?)\n(tenantry --help shows the commands)\n",
    );
    expect(runs[1].stderr).toContain("Missing: --slug, --name");
    expect(runs[2].stderr).toMatch(/PORT: [\s\S]*LOG_LEVEL: /);
  });

  test.each([
    ["tenant list", "--status", "--tier", "--isolation"],
    ["tenant update --slug acme", "--tier"],
    ["tenant invitation send --slug acme --email bo@acme.test", "--role"],
    ["operation list", "--kind", "--state"],
    ["db-server add --name x --host x --region x --admin-secret x", "--kind", "--tls"],
    ["db-server update --name x", "--status"],
    ["user create --email bo@acme.test --name Bo", "--role"],
    ["user list", "--role"],
    ["user set-role --email bo@acme.test", "--role"],
    ["token create --name ci", "--role"],
    ["audit list", "--type", "--actor-kind"],
    ["audit export", "--format"],
    [
      "tenant provision --slug acme --name Acme --admin-email ada@acme.test --lab Main",
      ...["--tier", "--isolation", "--admin-credential"],
    ],
  ])("%s: a word that a flag does not have is wrong usage", async (words, ...flags) => {
    const nowhere = { ...environment, DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
    const runs = await Promise.all(
      flags.map((flag) => tenantry([...words.split(" "), flag, "none-of-them"], nowhere)),
    );
    expect(runs.map(({ end, stdout }) => ({ end, stdout }))).toEqual(
      flags.map(() => ({ end: 2, stdout: "" })),
    );
    for (const [index, { stderr }] of runs.entries()) expect(stderr).toContain(flags[index]);
  });

  test("answers another system's name of a flag with ours, and with the help to read", async () => {
    const { end, stdout, stderr } = await tenantry(
      ["tenant", "provision", "--display-name", "Acme"],
      environment,
    );
    expect({ end, stdout }).toEqual({ end: 2, stdout: "" });
    expect(stderr).toBe(
      "error: unknown option '--display-name'\n(Did you mean --name?)\n(tenantry tenant provision --help shows the flags)\n",
    );
  });

  test("bears that the reader of its help goes away", async () => {
    const { child, ended } = start([COMMAND, "--help"], environment);
    child.stdout.destroy();
    expect(await ended).toMatchObject({ end: 0, stderr: "" });
  });

  // process.exit may hang for ever (nodejs/node#54918): rarely, but a script would wait with it.
  test("ends by having nothing left to do, whether it worked or not", async () => {
    const told = "process.exit = () => { process.stderr.write('exited'); process.reallyExit(99); }";
    const watched = {
      ...environment,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(told)}`,
    };
    const runs = await Promise.all([
      tenantryAlone(["--help"], watched),
      tenantryAlone(["tenat"], watched),
      tenantryAlone(["tenant", "list"], watched),
      tenantryAlone(["tenant", "list"], {
        ...watched,
        DATABASE_URL: "postgres://nobody@127.0.0.1:1/none",
      }),
    ]);
    expect(runs.map((run) => run.end)).toEqual([0, 2, 0, 1]);
    for (const run of runs) expect(run.stderr).not.toContain("exited");
  });

  test("runs with the project's own Node where this one cannot read TypeScript", async () => {
    const old = start(["--no-strip-types", COMMAND, "tenant"], environment);
    expect(await old.ended).toMatchObject({ end: 2, stdout: "" });
  });

  test("tells an unexpected failure in one line with an id, without credentials", async () => {
    const lost = { ...environment, DATABASE_URL: "postgres://me:hidden@127.0.0.1:1/none" };
    const { end, stdout, stderr } = await tenantry(["tenant", "list"], lost);
    expect({ end, stdout }).toEqual({ end: 1, stdout: "" });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(/^✘ .+ \(error [\w-]+; LOG_LEVEL=debug shows more\)$/m);
    expect(stderr).not.toContain("hidden");
  });
});

// Before the tests that kill a command: the row of a dead worker counts as alive for a while.
test("lists and shows tenants and operations, for people and for scripts", async () => {
  const slug = freshSlug("listed");
  const queued = await tenantry(provision(slug, "--no-wait", "--json"), environment);
  expect(queued.stderr).toContain("No worker is alive");
  const runs = await Promise.all([
    tenantry(["tenant", "list", "--text", slug, "--json"], environment),
    tenantry(["tenant", "list", "--text", slug, "--status", "provisioning"], environment),
    tenantry(["tenant", "show", "--slug", slug, "--json"], environment),
    tenantry(["operation", "list", "--slug", slug], environment),
    tenantry(["tenant", "list", "--status", "gone"], environment),
  ]);
  expect(runs.map((run) => run.end)).toEqual([0, 0, 0, 0, 2]);
  const [list, table, show, operations] = runs;
  expect(linesOf(list)).toMatchObject([{ slug, status: "PROVISIONING" }]);
  expect(table.stdout).toMatch(new RegExp(`^SLUG .*\n${slug} +PROVISIONING`));
  expect(linesOf(show)).toMatchObject([{ slug, dbServer: "default", failure: null }]);
  expect(operations.stdout).toMatch(/PROVISION +PENDING/);
});

test("prints the platform database's URL, also where it does not answer", async () => {
  const lost = "postgres://me:hidden@127.0.0.1:1/none";
  const [text, json, remote] = await Promise.all([
    tenantry(["db", "url"], environment),
    tenantry(["db", "url", "--json"], { ...environment, DATABASE_URL: lost }),
    tenantry(["db", "url"], { ...environment, TENANTRY_TOKEN: "tnt_none" }),
  ]);
  expect(text).toEqual({ end: 0, stdout: `${database.url}\n`, stderr: "" });
  expect(linesOf(json)).toEqual([{ type: "RESULT", url: lost }]);
  expect(remote).toMatchObject({ end: 2, stdout: "" });
});

describe("tenant provision", () => {
  test("reports every fault of the input at once, each with its path", async () => {
    const words = provision("Acme_", "--states", "XXX", "--time-zone", "Mars", "--seeds", "no");
    const [text, json] = await Promise.all([
      tenantry(words, environment),
      tenantry([...words, "--json"], environment),
    ]);
    expect(text).toMatchObject({ end: 1, stdout: "" });
    for (const told of [
      "✘ E_VALIDATION",
      "--slug: ",
      "--seeds.0: ",
      "--states.0: ",
      "--time-zone: ",
      "Next: ",
    ])
      expect(text.stderr).toContain(told);
    const error = { code: "E_VALIDATION", retryable: false, nextAction: expect.any(String) };
    expect(json.end).toBe(1);
    expect(linesOf(json)).toEqual([
      { type: "ERROR", error: expect.objectContaining({ ...error, issues: expect.any(Array) }) },
    ]);
  });

  test("shows one line a phase and the smoke summary, with no API and no worker about", async () => {
    const slug = freshSlug();
    const { end, stdout, stderr } = await tenantry(provision(slug, "--seeds", "core"), environment);
    expect({ end, stderr }).toEqual({ end: 0, stderr: "" });
    expect(stdout.match(/^ {2}✔ [A-Z_]+ +[\d.]+ m?s/gm)).toHaveLength(10);
    expect(stdout).toMatch(/migrations +3 applied, up to 0003_samples/);
    expect(stdout).toMatch(/seeds +core \d+ rows/);
    expect(stdout).toMatch(/role login +works/);
    expect(stdout).toMatch(/mail +sent/);
  });

  test("answers the same key with the same operation, and shows the one-time password once", async () => {
    const slug = freshSlug();
    const words = provision(slug, "--admin-credential", "one-time-password", "--json");
    const key = ["--idempotency-key", `key-${slug}`];
    const first = linesOf(await tenantry([...words, ...key], environment));
    const again = linesOf(await tenantry([...words, ...key], environment));
    const result = first.at(-1);
    expect(first[0]).toMatchObject({ type: "STARTED", replayed: false });
    expect(first.slice(1, -1).map((line) => line.sequence)).toEqual(
      first.slice(1, -1).map((_line, index) => index + 1),
    );
    expect(result).toMatchObject({
      type: "RESULT",
      operation: { state: "SUCCEEDED", slug, requestedBy: { kind: "OS_USER" } },
      oneTimePassword: { email: `ada@${slug}.test`, value: expect.stringMatching(/^\w{20}$/) },
    });
    expect(again[0]).toMatchObject({ type: "STARTED", replayed: true });
    expect(again.at(-1)).toMatchObject({ operation: result?.operation, oneTimePassword: null });
  });

  test("a dry run shows the plan and leaves no tenant", async () => {
    const slug = freshSlug();
    const dry = await tenantry(provision(slug, "--dry-run"), environment);
    expect(dry.end).toBe(0);
    expect(dry.stdout).toContain(`'${slug}' can be provisioned; nothing was written`);
    expect(dry.stdout).toMatch(/schema +org_/);
    const shown = await tenantry(["tenant", "show", "--slug", slug], environment);
    expect(shown).toMatchObject({ end: 1, stdout: "" });
    expect(shown.stderr).toContain(`E_TENANT_NOT_FOUND: Tenant slug '${slug}' not found`);
  });

  test("a failure names phase, reason and retry, which goes through once it is mended", async () => {
    const slug = freshSlug();
    const broken = { TENANT_MIGRATIONS_DIR: await migrations("create table a (b nonsense);") };
    const failed = await tenantry(provision(slug, "--seeds", ""), { ...environment, ...broken });
    expect(failed.end).toBe(1);
    expect(failed.stdout).toMatch(/✘ MIGRATIONS_APPLIED[\s\S]*↶ DATABASE_CREATED +undone/);
    expect(failed.stderr).toMatch(/^✘ E_MIGRATIONS_FAILED \(in MIGRATIONS_APPLIED\): /);
    const id = /tenantry operation retry (\S+)/.exec(failed.stderr)?.[1] ?? "";
    const retried = await tenantry(["operation", "retry", id], environment);
    expect(retried).toMatchObject({ end: 0, stderr: "" });
    const twice = await tenantry(["operation", "retry", id], environment);
    expect(twice.end).toBe(1);
    expect(twice.stderr).toContain("E_NOT_RETRYABLE");
  });

  test("the first Ctrl-C cancels what the command itself runs, and waits for the undo", async () => {
    const slug = freshSlug();
    const slow = {
      TENANT_MIGRATIONS_DIR: await migrations("select pg_sleep(1); create table a (b int);"),
    };
    const running = start([COMMAND, ...provision(slug, "--json")], { ...environment, ...slow });
    await running.until('"phase":"MIGRATIONS_APPLIED"');
    running.child.kill("SIGINT");
    const ran = await running.ended;
    expect(ran.end).toBe(130);
    expect(ran.stderr).toContain("Cancelling");
    expect(linesOf(ran).at(-1)).toMatchObject({ operation: { state: "CANCELLED", slug } });
  });

  test("the second Ctrl-C exits at once, and says who ends the operation", async () => {
    const slow = {
      TENANT_MIGRATIONS_DIR: await migrations("select pg_sleep(10); create table a (b int);"),
    };
    const words = provision(freshSlug(), "--json");
    const running = start([COMMAND, ...words], { ...environment, ...slow });
    await running.until('"phase":"MIGRATIONS_APPLIED"');
    running.child.kill("SIGINT");
    await running.until('"state":"CANCELLING"');
    await pause(300); // closer together they would be one
    running.child.kill("SIGINT");
    const ran = await running.ended;
    expect(ran.end).toBe(130);
    expect(ran.stderr).toContain("The next worker ends the operation: tenantry worker");
  });
});

test("makes an administrator, with a password from standard input", async () => {
  const words = ["seed", "platform-superuser", "--email", "Ops@example.test"];
  const given = start([COMMAND, ...words, "--password-stdin"], environment);
  given.child.stdin.end("a long enough phrase\n");
  expect(await given.ended).toMatchObject({
    end: 0,
    stdout: "✔ ops@example.test is an administrator\n",
  });
  const made = await tenantry([...words, "--json"], environment);
  expect(linesOf(made)).toEqual([
    {
      type: "RESULT",
      email: "ops@example.test",
      role: "ADMINISTRATOR",
      oneTimePassword: expect.any(String),
    },
  ]);
});
