import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pLimit from "p-limit";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import type { Operation, OperationEvent } from "../../src/operations/engine/operation.entity.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import type { Platform } from "../../src/platform.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { testEnvironment } from "../kit/platform.ts";
import { arrange, begin, CASES, SCENARIOS } from "../kit/scenarios.ts";
import { startServer } from "../kit/servers.ts";
import { followToEnd } from "../kit/tenants.ts";
import { type Report, type Scenario, sized } from "./scenario.ts";

const ROOT = join(import.meta.dirname, "../..");
const DATABASE = "tenantry_mixed";
const ROUNDS = 3;
const UPGRADED_UNDER = 40;
const AT_ONCE = 8;

/** A worker of the version before and one of this version, side by side on one database. */
export const mixed: Scenario = {
  name: "mixed",
  about: "the version before beside this one: an upgrade under load, all operations, takeovers",
  run: async (report, share) => {
    await using parts = new AsyncDisposableStack();
    const former = parts.use(await checkOut(versionBefore()));
    const server = parts.use(await startServer());
    await asSuperuser(server.url, (client) => client.query(`create database ${DATABASE}`));
    const dataDir = await mkdtemp(join(tmpdir(), "tenantry-mixed-"));
    parts.defer(() => rm(dataDir, { recursive: true, force: true }));
    const url = Object.assign(new URL(server.url), { pathname: `/${DATABASE}` }).href;
    const environment = { ...testEnvironment(url, dataDir), LOG_LEVEL: "error" };
    const start = async (folder: string, plan: Plan = {}) =>
      parts.use(await startWorker(folder, environment, plan));

    const old = await start(former.folder);
    const loads = sized(UPGRADED_UNDER, share);
    const { platform, acts } = await upgradeUnderLoad(report, former.folder, environment, loads);
    parts.defer(() => platform.close());
    const present = await start(ROOT);
    // A kind that it does not know the version before takes and loses; workers leave such ones since.
    const known = CASES.filter(({ act }) => acts.has(act));
    const cases = Array.from({ length: sized(ROUNDS, share) }, () => known).flat();
    await pLimit(AT_ONCE).map(cases, (each) => throughOne(report, platform, each));
    await tellShares(report, platform);
    await Promise.all([old.kill(), present.kill()]);
    const dies = (folder: string) => (plan: Plan) => start(folder, plan);
    await takeOver(report, platform, "this version", dies(former.folder), dies(ROOT));
    await takeOver(report, platform, "the version before", dies(ROOT), dies(former.folder));
  },
};

/** The phase that a worker stands still in, by the tenant's slug. */
type Plan = Readonly<Record<string, string>>;

/** The newest release, or where there is none the commit before effects were fenced. */
function versionBefore(): string {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", ROOT, ...args], { encoding: "utf8" }).trim();
  const [tag] = git("tag", "--merged", "HEAD", "--sort=-creatordate").split("\n");
  if (tag) return tag;
  const fences = "migrations/platform/Migration0017Fences.ts";
  return `${git("log", "--diff-filter=A", "--format=%H", "--", fences)}^`;
}

/** The files of a commit, in a folder of their own, with the packages of this one. */
async function checkOut(commit: string) {
  const folder = await mkdtemp(join(tmpdir(), "tenantry-former-"));
  const archive = execFileSync("git", ["-C", ROOT, "archive", commit], { maxBuffer: 1 << 30 });
  execFileSync("tar", ["-x", "-C", folder], { input: archive });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return {
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function startWorker(folder: string, environment: Record<string, string>, plan: Plan) {
  const script = join(folder, "tests/kit/doomed-worker.ts");
  const child = fork(script, [JSON.stringify(environment), JSON.stringify(plan)]);
  await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error(`A worker of ${folder} ended`))),
  ]);
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return { child, kill, [Symbol.asyncDispose]: kill };
}

/** The version before provisions, and goes on while this one brings the platform's schema to its own. */
async function upgradeUnderLoad(
  report: Report,
  folder: string,
  environment: Record<string, string>,
  loads: number,
): Promise<{ readonly platform: Platform; readonly acts: ReadonlySet<string> }> {
  const { assemble: assembleFormer } = (await import(join(folder, "src/assemble.ts"))) as {
    assemble: typeof assemble;
  };
  const kit = (await import(join(folder, "tests/kit/tenants.ts"))) as {
    provision(platform: Platform): Promise<{ operation: Operation; events: OperationEvent[] }>;
  };
  const former = await assembleFormer(readConfig(environment));
  const begun = Promise.withResolvers<void>();
  const load = pLimit(AT_ONCE).map(Array(loads).keys(), async () => {
    const ended = kit.provision(former).then((answer) => {
      begun.resolve();
      return answer;
    });
    report.check("a provisioning under the upgrade", faultOf(await ended));
  });
  await begun.promise;
  const platform = await assemble(readConfig(environment));
  await load;
  await former.close();
  // Limits are given to the tenants of the version before when they are opened next, or by the doctor.
  const found = (await tenantHealth(platform))
    .flatMap(({ findings }) => findings)
    .filter(({ code }) => code !== "ROLE_LIMITS");
  report.check(
    "the doctor finds nothing but limits",
    found[0] ? `${found.length}: ${JSON.stringify(found[0])}` : null,
  );
  return { platform, acts: new Set(Object.keys(former.operations)) };
}

async function throughOne(
  report: Report,
  platform: Platform,
  { act, isolation }: (typeof CASES)[number],
): Promise<void> {
  const slug = freshSlug("mixed");
  await arrange(platform, act, slug, { isolation });
  const ended = await followToEnd(platform, (await begin(platform, act, slug, isolation)).id);
  report.check(`${act}, isolation ${isolation}`, faultOf(ended));
}

const faultOf = (ended: { operation: Operation; events: OperationEvent[] }): string | null =>
  ended.operation.state === "SUCCEEDED" &&
  ended.events.every(({ sequence }, at) => sequence === at + 1)
    ? null
    : JSON.stringify(ended.operation);

/** Which version began how many operations: only this one draws tokens. */
async function tellShares(report: Report, { orm }: Platform): Promise<void> {
  const [shares] = await orm.em.fork().execute<{ before: number; present: number }[]>(
    `select (count(*) filter (where fence_token is null))::int as before,
       (count(*) filter (where fence_token is not null))::int as present from platform.operation`,
  );
  const { before = 0, present = 0 } = shares ?? {};
  report.figure("operations begun by the version before", before);
  report.figure("operations begun by this version", present);
  report.check("both have run some", before > 0 && present > 0 ? null : "one ran none");
}

type Start = (plan: Plan) => ReturnType<typeof startWorker>;

/** A worker dies in the middle of a provisioning, and one of the other version carries on. */
async function takeOver(
  report: Report,
  platform: Platform,
  version: string,
  startDying: Start,
  startOther: Start,
): Promise<void> {
  const slug = freshSlug("mixed");
  const dying = await startDying({ [slug]: SCENARIOS.provisionTenant.diesIn });
  const standing = once(dying.child, "message");
  const { id } = await begin(platform, "provisionTenant", slug);
  await standing;
  await dying.kill();
  const other = await startOther({});
  report.check(`${version} carries on`, faultOf(await followToEnd(platform, id)));
  await other.kill();
}
