import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { announceProcess } from "../../src/operations/health/processes.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { act } from "../api/_tenant-operations.ts";
import { linesOf, resultOf, tenantry } from "../cli/_run.ts";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { followToEnd, provision } from "../kit/tenants.ts";

const migrations = perFile(() => openFolder());
const world = perFile(() =>
  openPlatform({ environment: { TENANT_MIGRATIONS_DIR: migrations.path }, worker: true }),
);
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));
const provisioner = perFile(() => api.as("PROVISIONER"));

const [A, B, C] = ["20260101000000_a", "20260102000000_b", "20260103000000_c"];
const path = (id: string) => join(migrations.path, `${id}.sql`);
const write = (id: string, more = "") =>
  writeFile(path(id), `create table ${id.slice(-1)} (id int);\n${more}`);

const run = (...words: string[]) => tenantry(words, world.environment);
const tenantOf = (slug: string) => tenantBySlug(world.platform.orm.em.fork(), slug);
const onTenants = (sql: string) =>
  asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) => client.query(sql));

async function provisioned(): Promise<string> {
  const slug = freshSlug("drift");
  const { operation } = await provision(world.platform, { slug, seeds: [] });
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
  return slug;
}

/** Sends a mutation; answers the ended operation, or the refusal. */
async function ended(mutation: string, input: Record<string, unknown>, caller = administrator) {
  const answer = await act(caller, mutation, input);
  if (answer.operation === undefined || answer.code !== undefined) return answer;
  const { operation } = await followToEnd(world.platform, answer.operation.id);
  return operation;
}

const OF_HEALTH = `query ($slug: String) {
  tenantHealth(slug: $slug) { tenant { slug } healthy looked findings { code message repair } }
}`;
const healthOf = async (slug: string) =>
  (await administrator.ask(OF_HEALTH, { slug })).tenantHealth[0];
const codesOf = async (slug: string): Promise<string[]> =>
  (await healthOf(slug)).findings.map(({ code }: { code: string }) => code);

/** The slugs that the API and the command list as behind, or as not behind. */
async function listed(behind: boolean): Promise<string[]> {
  const query =
    "query ($behind: Boolean) { tenants(filter: { behind: $behind }) { nodes { slug } } }";
  const { tenants } = await administrator.ask(query, { behind });
  const slugs = tenants.nodes.map(({ slug }: { slug: string }) => slug);
  if (behind) {
    const told = linesOf(await run("tenant", "list", "--behind", "--json"));
    expect(told.map(({ slug }) => slug)).toEqual(slugs);
  }
  return slugs.sort();
}

let early: string;
let whole: string;

beforeAll(async () => {
  await write(A);
  await write(C);
  early = await provisioned();
  await write(B);
  whole = await provisioned();
});

describe("a branch that was merged late", () => {
  test("is named by the lists, the doctor and the plan, with the way out", async () => {
    expect(await listed(true)).toEqual([early]);
    expect(await listed(false)).toEqual([whole]);
    expect(await codesOf(whole)).toEqual([]);
    expect(await healthOf(early)).toMatchObject({
      healthy: false,
      findings: [{ code: "MIGRATION_LATE", repair: null, message: expect.stringContaining(B) }],
    });
    const told = await run("tenant", "doctor", "--slug", early);
    expect(told.stdout).toContain("`tenantry tenant migrate` with `--allow-out-of-order`");
    const { error } = await ended("migrateTenant", { slug: early, dryRun: true });
    expect(error).toMatchObject({
      code: "E_MIGRATION_DRIFT",
      message: `${B}.sql is new but comes before ${C}, which was applied`,
      nextAction: expect.stringContaining("`allowOutOfOrder`"),
    });
  });

  test("is applied by an administrator who says why, and nobody else", async () => {
    const allowed = { slug: early, allowOutOfOrder: [B] };
    const why = { reason: "merged late" };
    const refusals = [
      await ended("migrateTenant", allowed),
      await ended("migrateTenant", { ...allowed, ...why }, provisioner).catch(String),
      (
        await ended("migrateTenant", {
          ...allowed,
          ...why,
          allowOutOfOrder: ["9999_z"],
          dryRun: true,
        })
      ).error,
    ];
    expect(refusals[0]).toMatchObject({ code: "E_VALIDATION", issues: [{ path: ["reason"] }] });
    expect(JSON.stringify(refusals[1])).toContain("migration:override");
    expect(refusals[2]).toMatchObject({ code: "E_VALIDATION" });
    const plan = await ended("migrateTenant", { ...allowed, ...why, dryRun: true });
    expect(plan.result).toMatchObject({ pending: [B], version: C });

    const flags = ["--allow-out-of-order", B, "--reason", "merged late"];
    const ran = await run("tenant", "migrate", "--slug", early, ...flags, "--json");
    expect(resultOf(ran)).toMatchObject({
      operation: { state: "SUCCEEDED", result: { applied: [B], version: C } },
    });
    expect(await tenantOf(early)).toMatchObject({ schemaVersion: C, migrationsApplied: 3 });
    const facts = await world.platform.orm.em.fork().execute<unknown[]>(
      `select actor_kind, detail from platform.audit_event
         where type = 'MIGRATION_ORDER_WAIVED' and tenant_slug = ?`,
      [early],
    );
    expect(facts).toEqual([
      { actor_kind: "OS_USER", detail: { migrations: [B], reason: "merged late" } },
    ]);
  });

  test("leaves a tenant that is like the others, and one that had it as it was", async () => {
    const again = { allowOutOfOrder: [B], reason: "merged late" };
    for (const slug of [early, whole]) {
      expect((await ended("migrateTenant", { slug, ...again })).result).toMatchObject({
        applied: [],
        version: C,
      });
      expect(await ended("activateTenant", { slug })).toMatchObject({ state: "SUCCEEDED" });
      expect(await codesOf(slug)).toEqual([]);
    }
    expect(await listed(true)).toEqual([]);
    expect(await listed(false)).toEqual([early, whole].sort());
  });
});

describe("a file that is not as it was applied", () => {
  const accept = (slug: string, migration: string, caller = administrator) =>
    ended("acceptMigration", { slug, migration, reason: "reviewed" }, caller);

  test("counts as it is once an administrator says so, and the trail keeps what was said", async () => {
    await write(A, "-- a comment");
    for (const slug of [early, whole]) {
      expect(await healthOf(slug)).toMatchObject({
        findings: [
          { code: "MIGRATION_CHANGED", message: expect.stringContaining("`acceptMigration`") },
        ],
      });
    }
    expect((await ended("activateTenant", { slug: early })).error).toMatchObject({
      code: "E_TENANT_NOT_READY",
      message: `MIGRATIONS: ${A}.sql was changed after it was applied`,
    });
    const refused = await accept(early, A, provisioner).catch(String);
    expect(JSON.stringify(refused)).toContain("migration:override");
    const words = ["--slug", early, "--migration", A, "--reason", "only a comment"];
    const ran = await run("tenant", "accept-migration", ...words);
    expect(ran).toMatchObject({ end: 0, stderr: "" });
    expect(ran.stdout).toMatch(new RegExp(`ledger before +${A} \\w{64}\\n +ledger now +${A} `));
    expect(await ended("migrateTenant", { slug: early })).toMatchObject({ state: "SUCCEEDED" });
    expect(await ended("activateTenant", { slug: early })).toMatchObject({ state: "SUCCEEDED" });
    expect(await codesOf(early)).toEqual([]);
    expect(await codesOf(whole)).toEqual(["MIGRATION_CHANGED"]);
    const query = `{ auditEvents(filter: { types: [MIGRATION_ACCEPTED] }) {
      nodes { slug detail operation { kind } }
    } }`;
    expect((await administrator.ask(query)).auditEvents.nodes).toMatchObject([
      {
        slug: early,
        operation: { kind: "ACCEPT_MIGRATION" },
        detail: { reason: "only a comment", before: { migration: A }, after: { migration: A } },
      },
    ]);
    // The file is put back: now it is the other tenant that suits the folder.
    await write(A);
    expect(await accept(early, A)).toMatchObject({
      state: "SUCCEEDED",
      result: { before: { migration: A }, after: { migration: A }, version: C },
    });
    for (const slug of [early, whole]) expect(await codesOf(slug)).toEqual([]);
  });

  test("is recognised where it was renamed, by either name", async () => {
    const renamed = "20260104000000_b";
    await rename(path(B), path(renamed));
    const { error } = await ended("migrateTenant", { slug: early });
    expect(error).toMatchObject({
      code: "E_MIGRATION_DRIFT",
      message: `${B} was applied and is missing from the migration folder: ${renamed}.sql has its content, as if renamed`,
      nextAction: expect.stringContaining("`acceptMigration`"),
    });
    expect(await codesOf(early)).toEqual(["MIGRATION_MISSING"]);
    for (const [slug, id] of [[early, B] as const, [whole, renamed] as const]) {
      expect((await accept(slug, id)).result).toMatchObject({
        before: { migration: B },
        after: { migration: renamed },
        version: renamed,
      });
      expect(await tenantOf(slug)).toMatchObject({ schemaVersion: renamed, migrationsApplied: 3 });
      expect((await ended("migrateTenant", { slug })).result).toMatchObject({ applied: [] });
      expect(await codesOf(slug)).toEqual([]);
    }
    expect(await listed(true)).toEqual([]);
    expect(await codesOf(await provisioned())).toEqual([]);
  });

  test("is forgotten where it is gone", async () => {
    const gone = "20260104000000_b";
    await rm(path(gone));
    expect((await accept(early, gone)).result).toMatchObject({ after: null, version: C });
    expect(await tenantOf(early)).toMatchObject({ schemaVersion: C, migrationsApplied: 2 });
    expect(await codesOf(early)).toEqual([]);
    expect(await codesOf(whole)).toEqual(["MIGRATION_MISSING"]);
    await write(gone);
    expect(await codesOf(whole)).toEqual([]);
    await rm(path(gone));
    await accept(whole, gone);
  });

  test("is the only one that there is anything to accept of", async () => {
    await write("20260105000000_d");
    const { schemaVersion } = await tenantOf(early);
    const why = async (migration: string) => {
      const { error, result } = await accept(early, migration);
      expect(result).toEqual({ before: null, after: null, version: schemaVersion });
      expect(error).toMatchObject({ code: "E_NOTHING_TO_ACCEPT", retryable: false });
      return error?.message;
    };
    expect(await why(A)).toBe(`'${A}' is applied, and its file is as it was`);
    expect(await why("20260105000000_d")).toMatch(/was not applied: migrate the tenant/);
    expect(await why("9999_z")).toMatch(
      /neither in the migration folder nor in the tenant's ledger/,
    );
  });
});

describe("the doctor", () => {
  test("tells of a tenant that lacks migrations, and migrates it only when it is asked to", async () => {
    expect(await healthOf(early)).toMatchObject({
      findings: [{ code: "BEHIND", repair: "MIGRATE", message: "Not applied: 20260105000000_d" }],
    });
    expect(await listed(true)).toContain(early);
    const fixed = await run("tenant", "doctor", "--slug", early, "--fix", "--json");
    expect(fixed.end).toBe(1);
    expect(linesOf(fixed).map(({ type }) => type)).toEqual(["FINDING", "LEFT", "RESULT"]);
    expect((await ended("migrateTenant", { slug: early })).state).toBe("SUCCEEDED");
    expect(await codesOf(early)).toEqual([]);
  });

  test("tells of INVALID indexes, also in another schema of a database of a tenant's own", async () => {
    const { schemaName: schema } = await tenantOf(early);
    await onTenants(`create index half on ${schema}.a (id);
      update pg_index set indisvalid = false where indexrelid = '${schema}.half'::regclass`);
    expect((await healthOf(early)).findings).toMatchObject([
      {
        code: "INDEX_INVALID",
        message: expect.stringContaining(`${schema}.half on a`),
        repair: null,
      },
    ]);
    await onTenants(`drop index ${schema}.half`);
    expect(await codesOf(early)).toEqual([]);
    const slug = freshSlug("own");
    await provision(world.platform, { slug, seeds: [], isolation: "DATABASE" });
    const { databaseName, ownerRole } = await tenantOf(slug);
    const url = new URL(world.platform.databaseUrl);
    url.pathname = `/${databaseName}`;
    await asSuperuser(url.href, (client) =>
      client.query(`create schema other authorization ${ownerRole};
        create table other.t (id int); create index t_id on other.t (id);
        update pg_index set indisvalid = false where indexrelid = 'other.t_id'::regclass`),
    );
    expect((await healthOf(slug)).findings).toMatchObject([
      { code: "INDEX_INVALID", message: expect.stringContaining("other.t_id on t") },
    ]);
  });

  test("says what it looked at, and that tables are not among it", async () => {
    const { looked } = await healthOf(early);
    expect(looked).toEqual([
      ...["STATUS", "OPERATION", "PLACEMENT", "ROLES", "SECRET", "LOGIN", "LEDGER", "FOLDER"],
      ...["INDEXES", "SEEDS", "LABORATORIES"],
    ]);
    const { schemaName: schema } = await tenantOf(early);
    await onTenants(`drop table ${schema}.c`);
    const { end, stdout } = await run("tenant", "doctor", "--slug", early);
    expect(end).toBe(0);
    expect(stdout).toMatch(
      /^✔ Looked at 1 tenant: status, .*ledger against the migration folder, .*: nothing found\. Tables themselves are not compared\.\n$/,
    );
    const all = resultOf(await run("tenant", "doctor", "--json"));
    expect(all).toMatchObject({ looked: { FOLDER: expect.any(Number) } });
    expect(all.looked).not.toHaveProperty("LOGIN");
  });

  test("tells which processes have which migration folder where they differ", async () => {
    const { platform } = world;
    const strangers = async () => {
      const healths = await tenantHealth(platform);
      return healths.flatMap(({ tenant, findings }) => (tenant === null ? findings : []));
    };
    expect(await strangers()).toEqual([]);
    const other = { ...platform.config.tenantMigrations, dir: SMALL.TENANT_MIGRATIONS_DIR };
    const ends = [
      announceProcess(platform, "API"),
      announceProcess({ ...platform, config: { tenantMigrations: other } }, "worker"),
    ];
    const count = "select count(*)::int as rows from platform.process";
    await expect
      .poll(async () => (await platform.orm.em.fork().execute<object[]>(count))[0])
      .toEqual({ rows: 2 });
    expect(await strangers()).toMatchObject([
      {
        code: "FOLDERS_DIFFER",
        repair: null,
        message: expect.stringMatching(
          /different migration folders: .*(API|worker) \S+ \d+ \(\w{12}, 3 files\)/,
        ),
      },
    ]);
    await Promise.all(ends.map((end) => end()));
    expect(await strangers()).toEqual([]);
    await rm(path(C));
    await writeFile(join(migrations.path, "no-number.sql"), "select 1");
    expect((await strangers()).map(({ code }) => code)).toEqual(["FOLDER_REFUSED"]);
    expect((await healthOf(whole)).looked).not.toContain("FOLDER");
  });
});
