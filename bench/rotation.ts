// Whether rotating credentials ever refuses a client:
//   node bench/rotation.ts [attempts] [clients]
// Starts an embedded PostgreSQL of its own, provisions one tenant, and rotates its credentials again
// and again with a grace period of two seconds, while clients read the secret and connect afresh.

import { join } from "node:path";
import { followOperations } from "../src/operations/engine/follow.ts";
import { startOnTenant } from "../src/operations/start/start-on-tenant.ts";
import type { Platform } from "../src/platform.ts";
import { storm } from "../tests/kit/storm.ts";
import { ACTOR, OPTIONS, openBench, provision, tell } from "./kit.ts";

const SLUG = "bench";
const GRACE_S = 2;

/** A small tenant schema: it is the logins that are looked at. */
const FIXTURE = join(import.meta.dirname, "../tests/kit/fixtures/small");

/** Rotates, and waits until the old login is closed. */
async function rotate(platform: Platform): Promise<void> {
  const feed = followOperations(platform);
  const { operation: rotation } = await startOnTenant(
    platform,
    ACTOR,
    platform.operations.rotateCredentials,
    { slug: SLUG, gracePeriodSeconds: GRACE_S },
    OPTIONS,
  );
  for await (const { id, kind, state, error } of feed) {
    if (state === "FAILED") throw new Error(JSON.stringify(error));
    if (kind === "RETIRE_CREDENTIALS" && id > rotation.id && state === "SUCCEEDED") return;
  }
}

async function bench(attempts: number, clients: number): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const platform = await openBench(parts, {
    TENANT_MIGRATIONS_DIR: join(FIXTURE, "migrations"),
    TENANT_SEEDS_DIR: join(FIXTURE, "seeds"),
  });
  await provision(platform, SLUG);
  const begun = performance.now();
  const storming = storm(platform.secrets, `tenant-db-${SLUG}`, clients);
  let rotations = 0;
  while (storming.attempts < attempts) {
    await rotate(platform);
    rotations += 1;
  }
  await storming.stop();
  const seconds = (performance.now() - begun) / 1000;
  tell(`${storming.attempts} connections by ${clients} clients in ${seconds.toFixed(1)} s`);
  tell(`${rotations} rotations, each with a grace period of ${GRACE_S} s`);
  for (const [role, count] of storming.roles) tell(`  ${role} ${count}`);
  tell(`refused: ${storming.refused.length}`);
  for (const why of new Set(storming.refused)) tell(`  ${why}`);
  if (storming.refused.length > 0) process.exitCode = 1;
}

await bench(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 8));
