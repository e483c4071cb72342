// What provisioning a tenant costs, on an embedded PostgreSQL of its own with the bundled schema:
//   npm run bench
// Only ratios of one run carry over to another machine; the load is printed with them.

import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { assemble } from "../src/assemble.ts";
import { readConfig } from "../src/config.ts";
import { ident, scramVerifier } from "../src/database/sql.ts";
import type { Actor } from "../src/iam/actor.ts";
import { newId, newSecret } from "../src/kernel/ids.ts";
import { followEvents } from "../src/operations/engine/follow.ts";
import type { OperationEvent } from "../src/operations/engine/operation.entity.ts";
import { startProvisioning } from "../src/operations/provision-tenant.ts";
import type { Platform } from "../src/platform.ts";
import { applySeedSet } from "../src/seeding/apply-seeds.ts";
import { openSeedFolder, resolveSets, type SeedSet } from "../src/seeding/seed-folder.ts";
import { applyMigrations } from "../src/tenant-schemas/apply-migrations.ts";
import { createTenantSchema } from "../src/tenant-schemas/create-tenant-schema.ts";
import { dropTenantSchema } from "../src/tenant-schemas/drop-tenant-schema.ts";
import {
  type MigrationFolder,
  openMigrationFolder,
} from "../src/tenant-schemas/migration-folder.ts";
import { namesOf } from "../src/tenants/names.ts";
import { parseSlug } from "../src/tenants/slug.ts";
import { startPlatformWorker } from "../src/worker.ts";

const WARM_UP = 2;
const ONE_BY_ONE = 16;
const PAIRS = 10;
const AT_ONCE = [1, 2, 4];
const TENANTS_AT_ONCE = 12;

const ACTOR: Actor = {
  ...{ kind: "OS_USER", id: "bench", name: "bench" },
  ...{ role: "ADMINISTRATOR", address: null },
};

const tell = (line = "") => process.stdout.write(`${line}\n`);
const ms = (value: number) => `${Math.round(value)} ms`.padStart(9);
const row = (what: string, ...values: string[]) => tell(`${what.padEnd(52)}${values.join("")}`);

/** The value below which a share of the sample lies, by the nearest rank. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

let count = 0;
function nextSlug() {
  count += 1;
  return parseSlug(`bench-${String(count).padStart(4, "0")}`);
}

interface Provisioned {
  /** From the call that the mutation makes to the terminal event at its follower. */
  readonly total: number;
  /** From the commit that enqueued it to the event that it runs. */
  readonly pickup: number;
}

async function provisionOne(platform: Platform): Promise<Provisioned> {
  const slug = nextSlug();
  const request = { slug, name: slug, adminEmail: `${slug}@bench.test`, initialLaboratory: "Main" };
  const since = performance.now();
  const options = { dryRun: false, idempotencyKey: null };
  const { operation } = await startProvisioning(platform, ACTOR, request, options);
  const states: OperationEvent[] = [];
  for await (const event of followEvents(platform, operation.id, 0))
    if (event.body.type === "OPERATION_STATE") states.push(event);
  const total = performance.now() - since;
  const last = states.at(-1)?.body;
  if (last?.type !== "OPERATION_STATE" || last.state !== "SUCCEEDED")
    throw new Error(`Provisioning failed: ${JSON.stringify(last)}`);
  const [asked, began] = states;
  return { total, pickup: (began?.at.getTime() ?? 0) - (asked?.at.getTime() ?? 0) };
}

async function oneByOne(platform: Platform): Promise<void> {
  for (let done = 0; done < WARM_UP; done += 1) await provisionOne(platform);
  const runs: Provisioned[] = [];
  for (let done = 0; done < ONE_BY_ONE; done += 1) runs.push(await provisionOne(platform));
  const totals = runs.map(({ total }) => total);
  const pickups = runs.map(({ pickup }) => pickup);
  row(
    `provision, one by one (${runs.length})`,
    "  p50",
    ms(quantile(totals, 0.5)),
    "  p95",
    ms(quantile(totals, 0.95)),
  );
  row(
    "  of it: waiting for a worker",
    "  p50",
    ms(quantile(pickups, 0.5)),
    "  p95",
    ms(quantile(pickups, 0.95)),
  );
}

async function atOnce(platform: Platform, parallel: number): Promise<void> {
  let left = TENANTS_AT_ONCE;
  const since = performance.now();
  const lane = async () => {
    for (; left > 0; ) {
      left -= 1;
      await provisionOne(platform);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  const perSecond = (TENANTS_AT_ONCE * 1000) / (performance.now() - since);
  row(
    `throughput, ${parallel} at once (${TENANTS_AT_ONCE})`,
    `  ${perSecond.toFixed(2)} tenants/s`,
  );
}

interface Files {
  readonly folder: MigrationFolder;
  readonly sets: readonly SeedSet[];
}

/** Migrations and seeds as operations apply them, with ledger and progress; answers milliseconds. */
async function asWeDo(client: pg.Client, { folder, sets }: Files): Promise<number> {
  const made = await emptySchema(client);
  const { names } = made;
  const since = performance.now();
  await applyMigrations(client, {
    ...{ names, folder, mode: "one-transaction" },
    onFileApplied: () => {},
  });
  for (const set of sets) await applySeedSet(client, { names, set });
  const taken = performance.now() - since;
  await dropTenantSchema(client, made, noOther);
  return taken;
}

/** The statements of the same files in one query and one transaction, and nothing else. */
async function asRawSql(client: pg.Client, { folder, sets }: Files): Promise<number> {
  const made = await emptySchema(client);
  const files = [...folder.migrations, ...sets.flatMap((set) => set.files)];
  const statements = files.flatMap((file) => file.statements.map(({ text }) => text));
  const sql = [
    `begin; set local search_path = ${ident(made.names.schema)}, ext`,
    ...statements.filter((text) => !/^\s*create\s+extension/i.test(text)),
    "commit",
  ].join(";\n");
  const since = performance.now();
  await client.query(sql);
  const taken = performance.now() - since;
  await dropTenantSchema(client, made, noOther);
  return taken;
}

/** Nobody has left anything in another database here. */
const noOther = () => Promise.reject(new Error("There is no other database"));

async function emptySchema(client: pg.Client) {
  const names = namesOf(nextSlug(), {
    schemaPrefix: "org_",
    secretNameTemplate: "tenant-db-{slug}",
  });
  const tenantId = newId();
  await createTenantSchema(client, {
    ...{ names, tenantId, appPasswordVerifier: scramVerifier(newSecret()) },
    connectDatabase: client.database ?? "",
  });
  return { names, tenantId };
}

/** Both ways in turns, so that the machine's moods meet both. */
async function againstRawSql(platform: Platform): Promise<void> {
  const folder = await openMigrationFolder(platform.config.tenantMigrationsDir);
  const sets = resolveSets(await openSeedFolder(platform.config.tenantSeedsDir), ["all"]);
  const client = new pg.Client({ connectionString: `${platform.databaseUrl}_tenants` });
  await client.connect();
  try {
    const [ours, raw]: [number[], number[]] = [[], []];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const [first, second] = pair % 2 === 0 ? [asWeDo, asRawSql] : [asRawSql, asWeDo];
      for (const way of [first, second])
        (way === asWeDo ? ours : raw).push(await way(client, { folder, sets }));
    }
    const [we, they] = [quantile(ours, 0.5), quantile(raw, 0.5)];
    const files = folder.migrations.length + sets.reduce((sum, set) => sum + set.files.length, 0);
    row(`migrations and seeds of one tenant (${files} files)`, "  p50", ms(we));
    row("  the same statements, raw, in one query", "  p50", ms(they));
    row("  ratio", `  ${(we / they).toFixed(2)}`);
  } finally {
    await client.end();
  }
}

const load = () =>
  loadavg()
    .map((value) => value.toFixed(2))
    .join(" ");

const dataDir = await mkdtemp(join(tmpdir(), "tenantry-bench-"));
const platform = await assemble(
  readConfig({ NODE_ENV: "test", LOG_LEVEL: "error", DATA_DIR: dataDir }),
);
const worker = await startPlatformWorker(platform);
try {
  tell(
    `${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"}), Node ${process.version}`,
  );
  tell(`load average before: ${load()}`);
  tell();
  await oneByOne(platform);
  await againstRawSql(platform);
  for (const parallel of AT_ONCE) await atOnce(platform, parallel);
  tell();
  tell(`load average after: ${load()}`);
} finally {
  await worker.stop();
  await platform.close();
  await rm(dataDir, { recursive: true, force: true });
}
