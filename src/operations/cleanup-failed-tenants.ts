import { z } from "zod";
import type { Actor } from "../iam/actor.ts";
import { parseInput } from "../kernel/input.ts";
import { slugField } from "../tenants/slug.ts";
import type { OperationCatalog } from "./catalog.ts";
import { dropSchemaField } from "./cleanup-tenant.ts";
import { slugsOf, startOnEach, type TenantStart } from "./start/start-on-each.ts";
import type { StartOnTenantPorts } from "./start/start-on-tenant.ts";

interface CleanupPorts extends StartOnTenantPorts {
  readonly operations: Pick<OperationCatalog, "cleanupTenant">;
}

export const CleanupFailedInput = z
  .strictObject({
    slug: slugField
      .nullable()
      .default(null)
      .describe("The slug of one tenant; all that are FAILED when left out."),
    dropSchema: dropSchemaField,
  })
  .meta({ description: "Which failed tenants to clean up, and how far.", argument: "Which ones." });

/**
 * Starts a cleanup of one or of every FAILED tenant. A tenant of another status is never touched:
 * named by its slug it is refused as the lifecycle says.
 *
 * @param request `{ slug?, dropSchema? }`
 * @param idempotencyKey the same key starts no second cleanup of a tenant that is still there
 * @returns an entry for each tenant, by slug; none when nothing has failed
 * @throws DomainError E_VALIDATION
 */
export async function cleanupFailedTenants(
  ports: CleanupPorts,
  actor: Actor,
  request: unknown,
  idempotencyKey: string | null = null,
): Promise<TenantStart[]> {
  const { slug, dropSchema } = parseInput(CleanupFailedInput, request);
  const slugs = slug === null ? await slugsOf(ports, ["FAILED"]) : [slug];
  const { cleanupTenant } = ports.operations;
  return await startOnEach(ports, actor, cleanupTenant, slugs, { dropSchema }, (each) =>
    idempotencyKey !== null && slug === null ? `${idempotencyKey}:${each}` : idempotencyKey,
  );
}
