// What the benches share: a platform of their own, and who asks.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble } from "../src/assemble.ts";
import { readConfig } from "../src/config.ts";
import type { Actor } from "../src/iam/actor.ts";
import { followEvents } from "../src/operations/engine/follow.ts";
import { startOnTenant } from "../src/operations/start/start-on-tenant.ts";
import type { Platform } from "../src/platform.ts";
import { parseSlug, type TenantSlug } from "../src/tenants/slug.ts";
import { startPlatformWorker } from "../src/worker.ts";

export const ACTOR: Actor = {
  kind: "OS_USER",
  id: "bench",
  name: "bench",
  role: "ADMINISTRATOR",
  address: null,
};
export const OPTIONS = { dryRun: false, idempotencyKey: null };

export const tell = (line = "") => process.stdout.write(`${line}\n`);

let count = 0;
/** A slug that no tenant of this bench has. */
export function nextSlug(): TenantSlug {
  count += 1;
  return parseSlug(`bench-${String(count).padStart(4, "0")}`);
}

/** A platform with its worker on an embedded PostgreSQL of its own; `parts` ends and removes both. */
export async function openBench(
  parts: AsyncDisposableStack,
  variables: Record<string, string> = {},
): Promise<Platform> {
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-bench-"));
  parts.defer(() => rm(dataDir, { recursive: true, force: true }));
  const config = { NODE_ENV: "test", DATA_DIR: dataDir, LOG_LEVEL: "error", ...variables };
  const platform = await assemble(readConfig(config));
  parts.defer(() => platform.close());
  const worker = await startPlatformWorker(platform);
  parts.defer(() => worker.stop());
  return platform;
}

/** Provisions a tenant without seeds, to its end. */
export async function provision(platform: Platform, slug: string): Promise<void> {
  const request = {
    slug,
    name: "Bench",
    adminEmail: `${slug}@bench.test`,
    initialLaboratory: "Main",
    seeds: [],
  };
  const { operation } = await startOnTenant(
    platform,
    ACTOR,
    platform.operations.provisionTenant,
    request,
    OPTIONS,
  );
  for await (const _ of followEvents(platform, operation.id, 0));
}
