import { cp, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { asSuperuser, freshName, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import { linesOf, type Ran, resultOf, tenantry } from "./_run.ts";

// The commands find a worker that is alive, so that none of them has to bring its own.
const world = perFile(() => openPlatform({ worker: true }));

const run = (...words: string[]): Promise<Ran> => tenantry(words, world.environment);
const tenantOf = (slug: string) => tenantBySlug(world.platform.orm.em.fork(), slug);
const update = (slug: string, set: string) =>
  world.platform.orm.em.fork().execute(`update platform.tenant set ${set} where slug = ?`, [slug]);

async function provisioned(): Promise<string> {
  const slug = freshSlug("cmd");
  const { operation } = await provision(world.platform, { slug, seeds: ["core"] });
  expect(operation.state).toBe("SUCCEEDED");
  return slug;
}

/** Runs a command that is to succeed without a word on standard error; answers what it showed. */
async function shown(...words: string[]): Promise<string> {
  const { end, stdout, stderr } = await run(...words);
  expect({ end, stderr }).toEqual({ end: 0, stderr: "" });
  return stdout;
}

/** `seed` and `snapshot` without a tenant: elsewhere they act on a default one. */
const NAME_THE_TENANT =
  "Name the tenant with --tenant-slug <slug>; for several tenants run it once for each, as `tenantry tenant list --status active --json` lists them.\n";

describe("a tenant in use", () => {
  test("is migrated and activated, with each check shown", async () => {
    const slug = await provisioned();
    const [dry, migrated, activated] = [
      await run("tenant", "migrate", "--slug", slug, "--dry-run", "--json"),
      await shown("tenant", "migrate", "--slug", slug),
      await shown("tenant", "activate", "--slug", slug),
    ];
    expect(dry.end).toBe(0);
    expect(linesOf(dry).at(0)).toMatchObject({ type: "STARTED", replayed: false });
    expect(linesOf(dry).at(-1)).toMatchObject({
      type: "RESULT",
      operation: { kind: "MIGRATE", state: "SUCCEEDED", dryRun: true, result: { pending: [] } },
    });
    expect(migrated).toMatch(/^Migrating [\s\S]* – MIGRATIONS_APPLIED +skipped: no migration/);
    expect(migrated).toMatch(/MIGRATE of '.+' is done after [\s\S]*version +0003_samples\n/);
    expect(activated).toMatch(/✔ MIGRATIONS [\s\S]*✔ SEEDS [\s\S]*✔ ROLE_LOGIN /);
  });

  test("that is not ready is not activated, unless by force", async () => {
    const slug = await provisioned();
    await update(slug, "seed_sets = '{core,extra}', status = 'FAILED'");
    const refused = await run("tenant", "activate", "--slug", slug);
    expect(refused.end).toBe(1);
    expect(refused.stdout).toMatch(/✘ SEEDS /);
    expect(refused.stderr).toContain("✘ E_TENANT_NOT_READY (in ACTIVATED): SEEDS: ");
    const bare = await run("tenant", "activate", "--slug", slug, "--force");
    expect(bare).toMatchObject({ end: 1, stdout: "" });
    expect(bare.stderr).toContain("reason: is needed with force");
    await shown("tenant", "activate", "--slug", slug, "--force", "--reason", "a test");
    expect((await tenantOf(slug)).status).toBe("ACTIVE");
  });

  test("gets another laboratory, once", async () => {
    const slug = await provisioned();
    const words = ["tenant", "add-lab", "--slug", slug, "--name", "Second"];
    const added = await shown(...words, "--setup-name", "default");
    expect(added).toMatch(/laboratory +Second \(\d+\)\n +organization +Acme \(default\)/);
    const twice = await run(...words);
    expect(twice.end).toBe(1);
    expect(twice.stderr).toContain("E_LABORATORY_EXISTS");
  });

  test("is given seed sets by name, with what was added", async () => {
    const slug = await provisioned();
    const seeded = await shown("seed", "extra", "--tenant-slug", slug);
    expect(seeded).toMatch(/core +nothing was absent\n +extra +1 rows? added: unit 1/);
    const json = await run("seed", "all", "--tenant-slug", slug, "--json");
    expect(linesOf(json).at(-1)).toMatchObject({ operation: { kind: "SEED", state: "SUCCEEDED" } });
    const [none, unknown] = [
      await run("seed", "core"),
      await run("seed", "nonsense", "--tenant-slug", slug),
    ];
    expect(none.end).toBe(2);
    expect(none.stderr).toBe(NAME_THE_TENANT);
    expect(unknown.end).toBe(1);
    expect(unknown.stderr).toContain("E_SEED_SET_NOT_FOUND");
  });

  test("whose schema keeps no snapshots is told so; a hard refresh asks first", async () => {
    const slug = await provisioned();
    const [nobody, patients, hard, other] = await Promise.all([
      run("snapshot", "refresh-all"),
      run("snapshot", "patients", "--tenant-slug", slug),
      run("snapshot", "hard-refresh", "--tenant-slug", slug),
      run("snapshot", "everything", "--tenant-slug", slug),
    ]);
    expect(nobody).toEqual({ end: 2, stdout: "", stderr: NAME_THE_TENANT });
    expect(patients.end).toBe(1);
    expect(patients.stderr).toContain("E_UNSUPPORTED");
    expect(hard).toMatchObject({ end: 2, stdout: "" });
    expect(hard.stderr).toContain("Add --yes");
    expect(other.end).toBe(2);
    expect(other.stderr).toContain("Allowed choices are patients, analysis-requests");
    const confirmed = await run("snapshot", "hard-refresh", "--tenant-slug", slug, "--yes");
    expect(confirmed.stderr).not.toContain("E_CONFIRMATION_REQUIRED");
  });
});

describe("a tenant that goes", () => {
  test("is suspended and resumed, offboarded and restored", async () => {
    const slug = await provisioned();
    const suspended = await shown("tenant", "suspend", "--slug", slug, "--reason", "unpaid");
    expect(suspended).toMatch(/sessions ended +0/);
    const lab = await run("tenant", "add-lab", "--slug", slug, "--name", "Second");
    expect(lab.stderr).toContain(`E_TENANT_NOT_ACTIVE: Tenant '${slug}' is not active`);
    await shown("tenant", "resume", "--slug", slug);
    const offboard = ["tenant", "offboard", "--slug", slug, "--retention-days", "2", "--yes"];
    expect(await shown(...offboard)).toMatch(/to be purged +after 20\S+, unless it is restored/);
    const early = await run("tenant", "purge", "--slug", slug, "--yes");
    expect(early.end).toBe(1);
    expect(early.stderr).toContain("E_RETENTION_RUNNING");
    expect(await shown("tenant", "restore", "--slug", slug)).toMatch(/status +ACTIVE again/);
    expect((await tenantOf(slug)).status).toBe("ACTIVE");
  });

  test("is purged when somebody says so, unless it is locked", async () => {
    const slug = await provisioned();
    const locked = await shown("tenant", "lock", "--slug", slug, "--reason", "legal hold");
    expect(locked).toBe(`✔ Tenant '${slug}' is locked against deletion: legal hold\n`);
    const words = ["tenant", "purge", "--slug", slug, "--now", "--reason", "asked for it"];
    const [unasked, held] = await Promise.all([run(...words), run(...words, "--yes", "--json")]);
    expect(unasked).toMatchObject({ end: 2, stdout: "" });
    expect(unasked.stderr).toContain(`Remove everything that tenant '${slug}' holds, for good?`);
    expect(held.end).toBe(1);
    expect(linesOf(held)).toMatchObject([{ type: "ERROR", error: { code: "E_TENANT_LOCKED" } }]);
    const unlocked = await run("tenant", "unlock", "--slug", slug, "--json");
    expect(linesOf(unlocked)).toMatchObject([{ type: "RESULT", slug, lockedAt: null }]);
    const purged = await shown(...words, "--yes");
    expect(purged).toMatch(/what stood +schema org_\S+ in \S+ on default: 4 tables, \d+ bytes/);
    expect(await shown("tenant", "show", "--slug", slug)).toMatch(/^Acme {2}PURGED\n/);
  });

  test("is offboarded and purged in one go", async () => {
    const slug = await provisioned();
    const other = await provisioned();
    const words = ["--purge", "--reason", "asked for it", "--yes"];
    const purged = await shown("tenant", "offboard", "--slug", slug, ...words);
    expect(purged).toMatch(/✔ OFFBOARD of [\s\S]*Purging [\s\S]*✔ PURGE of '\S+' is done/);
    const json = await run("tenant", "offboard", "--slug", other, ...words, "--json");
    expect(json).toMatchObject({ end: 0, stderr: "" });
    expect(resultOf(json)).toMatchObject({
      operation: { kind: "OFFBOARD", state: "SUCCEEDED", slug: other },
      followedBy: { kind: "PURGE", state: "SUCCEEDED", slug: other },
    });
  });

  test("because it failed is cleaned up, one or all, and each is told of", async () => {
    const slugs = [await provisioned(), await provisioned()].sort();
    const [first = "", second = ""] = slugs;
    await update(first, "status = 'FAILED'");
    const refused = await run("tenant", "cleanup", "--slug", second, "--yes");
    expect(refused.end).toBe(1);
    expect(refused.stderr).toContain(`E_TENANT_STATUS: Tenant '${second}' is ACTIVE`);
    await update(second, "status = 'FAILED'");
    const all = await run("tenant", "cleanup", "--drop-schema", "--yes", "--json");
    expect(all.end).toBe(0);
    const ended = linesOf(all).filter(({ type }) => type === "OPERATION");
    expect(ended).toMatchObject(
      slugs.map((slug) => ({ operation: { kind: "CLEANUP", state: "SUCCEEDED", slug } })),
    );
    expect(resultOf(all)).toMatchObject({ started: 2, succeeded: 2, refused: 0 });
    const none = await run("tenant", "cleanup", "--yes");
    expect(none).toMatchObject({ end: 0, stderr: "No tenant has failed.\n" });
  });
});

describe("every command", () => {
  test("refuses an unknown slug, for people and for scripts", async () => {
    const runs = await Promise.all(
      [["migrate"], ["cleanup", "--yes", "--json"], ["unlock"], ["doctor", "--json"]].map(
        ([word = "", ...more]) => run("tenant", word, "--slug", "nobody", ...more),
      ),
    );
    for (const { end, stdout, stderr } of runs) {
      expect(end).toBe(1);
      expect(`${stdout}${stderr}`).toContain("Tenant slug 'nobody' not found");
    }
  });

  test("wants its flags, and where something is lost a yes, before anything is opened", async () => {
    const nowhere = { ...world.environment, DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
    const slug = ["--slug", "acme"];
    const runs = await Promise.all(
      [
        ["migrate"],
        ["add-lab", ...slug],
        ["lock", ...slug],
        ["offboard", ...slug, "--retention-days", "many", "--yes"],
        ["offboard", ...slug],
        ["cleanup"],
      ].map((words) => tenantry(["tenant", ...words], nowhere)),
    );
    expect(runs.map(({ end }) => end)).toEqual([2, 2, 2, 2, 2, 2]);
    for (const { stderr } of runs.slice(-2)) expect(stderr).toContain("Add --yes");
  });

  test("answers the same key with the same operation, and names the one that is in the way", async () => {
    await using idle = await openPlatform();
    const slug = freshSlug("idle");
    const words = ["tenant", "provision", "--slug", slug, "--name", "Idle", "--lab", "Main"];
    const start = (...more: string[]) => tenantry([...more, "--no-wait"], idle.environment);
    await start(...words, "--admin-email", `ada@${slug}.test`);
    const em = idle.platform.orm.em.fork();
    await em.execute("update platform.operation set state = 'SUCCEEDED', finished_at = now()");
    const migrate = ["tenant", "migrate", "--slug", slug, "--json"];
    const key = ["--idempotency-key", freshName("key")];
    const first = await start(...migrate, ...key);
    const again = await start(...migrate, ...key);
    const other = await start(...migrate);
    const [{ operation } = {}] = linesOf(first) as { operation?: { id: string } }[];
    expect(first.stderr).toContain("No worker is alive");
    expect(linesOf(again)).toMatchObject([{ replayed: true, operation: { id: operation?.id } }]);
    expect(linesOf(other)).toMatchObject([
      { error: { code: "E_OPERATION_IN_PROGRESS", operationId: operation?.id } },
    ]);
    expect(other.stdout).toContain("has not ended, and no worker is alive (for a day or longer)");
    // The tenant was never made, so that it cannot be migrated: the watch runs it to that end.
    const watched = await tenantry(["operation", "watch", operation?.id ?? ""], idle.environment);
    expect(watched.stderr).toContain("No worker is alive (for a day or longer): this command runs");
    expect(watched.stdout).toContain("MIGRATIONS_PLANNED");
    const late = await start("tenant", "migrate", "--slug", slug);
    expect(late.stderr).toMatch(/No worker is alive \(since 20\S+Z\): the operation waits/);
  });
});

test("lists tenants by isolation, and those that are behind", async () => {
  const slug = await provisioned();
  const list = async (...words: string[]) => {
    const listed = await run("tenant", "list", "--text", slug, "--json", ...words);
    return linesOf(listed).map((line) => line.slug);
  };
  expect(await list("--isolation", "schema")).toEqual([slug]);
  expect(await list("--isolation", "database")).toEqual([]);
  expect(await list("--behind")).toEqual([]);
  await update(slug, "schema_version = '0002_units'");
  expect(await list("--behind")).toEqual([slug]);
  const operations = await run("operation", "list", "--slug", slug, "--kind", "provision");
  expect(operations.stdout).toMatch(/PROVISION +SUCCEEDED/);
});

test("the doctor tells what is wrong, mends what is safe, and tells what is left", async () => {
  const slug = await provisioned();
  const doctor = ["tenant", "doctor", "--slug", slug];
  expect(await shown(...doctor)).toContain("nothing found. Tables themselves are not compared.");
  const { schemaName } = await tenantOf(slug);
  await asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) =>
    client.query(`drop schema ${schemaName} cascade`),
  );
  const ill = await run(...doctor);
  expect(ill).toMatchObject({ end: 1, stderr: "" });
  expect(ill.stdout).toMatch(new RegExp(`${slug} +ACTIVE +SCHEMA_MISSING +MIGRATE`));
  const first = await run(...doctor, "--fix", "--json");
  expect(first.stderr).toBe("");
  expect(resultOf(first)).toMatchObject({ tenants: 1 });
  const lines = linesOf(first);
  expect(lines[0]).toMatchObject({ type: "FINDING", slug, code: "SCHEMA_MISSING" });
  const left = lines.filter(({ type }) => type === "LEFT");
  expect(left.map(({ code }) => code)).not.toContain("SCHEMA_MISSING");
  expect(lines).toContainEqual(expect.objectContaining({ type: "REPAIRED", repair: "MIGRATE" }));
  expect(lines.find(({ type }) => type === "OPERATION")).toMatchObject({
    operation: { kind: "MIGRATE", state: "SUCCEEDED" },
  });
  await run(...doctor, "--fix");
  expect(await shown(...doctor)).toContain("nothing found. Tables themselves are not compared.");
});

test("the doctor that finds only what nobody can mend by a remedy says so", async () => {
  const slug = await provisioned();
  const folder = await mkdtemp(join(world.dataDir, "migrations-"));
  await cp(SMALL.TENANT_MIGRATIONS_DIR, folder, { recursive: true });
  await rm(join(folder, "0003_samples.sql"));
  const fixed = await tenantry(["tenant", "doctor", "--slug", slug, "--fix"], {
    ...world.environment,
    TENANT_MIGRATIONS_DIR: folder,
  });
  expect(fixed).toMatchObject({ end: 1, stderr: "" });
  expect(fixed.stdout.match(/MIGRATION_MISSING/g)).toHaveLength(1);
  expect(fixed.stdout).toContain("Nothing was mended: what was found says what to do by hand.");
});
