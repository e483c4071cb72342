// How long it takes to learn which tenants are behind the newest migration:
//   node bench/behind.ts [tenants]
// Starts an embedded PostgreSQL of its own and fills the registry; one in a hundred is behind.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble } from "../src/assemble.ts";
import { readConfig } from "../src/config.ts";
import type { EntityManager } from "../src/database/orm.ts";
import { versionFilter } from "../src/operations/list.ts";
import { countTenants, listTenants } from "../src/tenants/list.ts";

const ROUNDS = 20;

const FILL = `insert into platform.tenant (id, slug, name, status, isolation, schema_name, owner_role,
    app_role, secret_name, schema_version, migrations_applied, admin_email, tier, time_zone, created_at, updated_at)
  select gen_random_uuid(), 'bench-' || n, 'bench', 'ACTIVE', 'SCHEMA', 'org_bench_' || n, 'owner', 'app',
    'secret', case when n % 100 = 0 then '0001_organization' else ? end, ?::int, 'a@example.com', 'STANDARD',
    'UTC', now(), now()
  from generate_series(1, ?::int) n`;

const median = (times: number[]) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

async function main(tenants: number): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-bench-"));
  const platform = await assemble(readConfig({ DATA_DIR: dataDir, LOG_LEVEL: "error" }));
  try {
    const em = platform.orm.em.fork() as EntityManager;
    const version = await versionFilter(platform.config.tenantMigrations, true);
    await em.execute(FILL, [version.newest, version.counts.at(-1), tenants]);
    await em.execute("analyze platform.tenant");
    const page: number[] = [];
    const count: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const begun = performance.now();
      await listTenants(em.fork() as EntityManager, { version }, { first: 100, after: null });
      const listed = performance.now();
      await countTenants(em, { version });
      page.push(listed - begun);
      count.push(performance.now() - listed);
    }
    const told = `first page ${median(page).toFixed(1)} ms, count ${median(count).toFixed(1)} ms`;
    process.stdout.write(`${tenants} tenants, who is behind (medians of ${ROUNDS}): ${told}\n`);
  } finally {
    await platform.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

await main(Number(process.argv[2] ?? 10_000));
