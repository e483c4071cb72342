// How long the snapshots of a large tenant take, and what they cost in memory:
//   node bench/snapshots.ts [samples]
// Starts an embedded PostgreSQL of its own, provisions one tenant with the bundled schema, fills it,
// and runs the real operation: first for samples in state RECEIVED (one in ten), then for every row.

import pg from "pg";
import { followEvents } from "../src/operations/engine/follow.ts";
import { OperationEntity } from "../src/operations/engine/operation.entity.ts";
import { startOnTenant } from "../src/operations/start/start-on-tenant.ts";
import type { Platform } from "../src/platform.ts";
import { fillReferences } from "../tests/snapshots/records.ts";
import { ACTOR, OPTIONS, openBench, provision, tell } from "./kit.ts";

const SLUG = "bench";

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;

/** A patient for ten samples, a request for four, a result for every second one. */
const FILL = [
  `insert into patient (patient_number, client_id, primary_practitioner_id, family_name)
   select 'P' || n, (select min(id) from client), (select min(id) from practitioner), 'Family ' || n
   from generate_series(1, $1::int / 10) n`,
  `insert into analysis_request (request_number, laboratory_id, client_id, patient_id, priority_id)
   select 'R' || n, (select min(id) from laboratory), (select min(id) from client),
     1 + n % ($1::int / 10), (select min(id) from priority)
   from generate_series(1, $1::int / 4) n`,
  `insert into sample (sample_number, analysis_request_id, laboratory_id, client_id, patient_id,
     sample_type_id, container_type_id, state)
   select 'S' || n, 1 + n % ($1::int / 4), (select min(id) from laboratory), (select min(id) from client),
     1 + n % ($1::int / 10), (select min(id) from sample_type), (select min(id) from container_type),
     case n % 10 when 0 then 'RECEIVED' else 'PUBLISHED' end
   from generate_series(1, $1::int) n`,
  `insert into analysis_result (sample_id, analysis_id, method_id, unit_id, specification_range_id)
   select 2 * n, (select min(id) from analysis), (select min(id) from method), (select min(id) from unit),
     (select min(id) from specification_range)
   from generate_series(1, $1::int / 2) n`,
];

async function fill(platform: Platform, samples: number): Promise<void> {
  const client = new pg.Client({ connectionString: `${platform.databaseUrl}_tenants` });
  await client.connect();
  try {
    await client.query(`set search_path = org_${SLUG}`);
    await fillReferences(client);
    // The references are right by construction: checking each would take most of the time.
    await client.query("set session_replication_role = replica");
    for (const sql of FILL) await client.query(sql, [samples]);
    await client.query("vacuum analyze patient, analysis_request, sample, analysis_result");
  } finally {
    await client.end();
  }
}

/** Waits for the end and measures it: the time of each phase, the longest batch, the largest memory. */
async function measure(platform: Platform, hard: boolean): Promise<void> {
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 50);
  const { operation } = await startOnTenant(
    platform,
    ACTOR,
    platform.operations.refreshSnapshots,
    { slug: SLUG, hard, confirm: hard },
    OPTIONS,
  );
  let last: Date | null = null;
  let longest = 0;
  let begun = 0;
  for await (const { at, body } of followEvents(platform, operation.id, 0)) {
    if (body.type === "PHASE_PROGRESS" && last) longest = Math.max(longest, +at - +last);
    if (body.type === "PHASE_STATE" && body.state === "RUNNING") begun = +at;
    if (body.type === "PHASE_STATE" && body.state === "SUCCEEDED")
      tell(`  ${body.phase.padEnd(18)} ${seconds(+at - begun)}`);
    last = at;
  }
  clearInterval(watch);
  const ended = await platform.orm.em.fork().findOneOrFail(OperationEntity, { id: operation.id });
  if (ended.state !== "SUCCEEDED") throw new Error(JSON.stringify(ended.error));
  const { targets } = ended.result as { targets: { target: string; rows: number }[] };
  const rows = targets.reduce((sum, target) => sum + target.rows, 0);
  const ms = +(ended.finishedAt ?? 0) - +(ended.startedAt ?? 0);
  tell(`  ${targets.map((target) => `${target.target} ${target.rows}`).join(", ")}`);
  tell(`  ${seconds(ms)}, ${Math.round(rows / (ms / 1000))} rows/s, longest batch ${longest} ms`);
  tell(`  memory at most ${megabytes(peak)}`);
}

async function bench(samples: number): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const platform = await openBench(parts);
  await provision(platform, SLUG);
  const begun = Date.now();
  await fill(platform, samples);
  tell(`${samples} samples, filled in ${seconds(Date.now() - begun)}`);
  tell(`memory before: ${megabytes(process.memoryUsage().rss)}`);
  tell("refresh (samples in state RECEIVED)");
  await measure(platform, false);
  tell("hard refresh (every row)");
  await measure(platform, true);
}

await bench(Number(process.argv[2] ?? 1_000_000));
