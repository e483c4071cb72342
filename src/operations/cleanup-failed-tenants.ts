import { z } from "zod";
import type { Actor } from "../iam/actor.ts";
import { type DomainError, isDomainError } from "../kernel/domain-error.ts";
import { TenantEntity } from "../tenants/tenant.entity.ts";
import type { CleanupInput, cleanupTenant } from "./cleanup-tenant.ts";
import type { Operation } from "./engine/operation.entity.ts";
import type { StartPorts } from "./engine/start-operation.ts";
import { parseInput, slugField } from "./parts/input.ts";
import { startOnTenant } from "./parts/start-on-tenant.ts";

interface CleanupPorts extends StartPorts {
  readonly operations: { readonly cleanupTenant: ReturnType<typeof cleanupTenant> };
}

const CleanupFailedInput = z.strictObject({
  /** One tenant; null for every FAILED one. */
  slug: slugField.nullable().default(null),
  dropSchema: z.boolean().default(false),
});

/** What became of one tenant: the operation that cleans it up, or why there is none. */
export type CleanupStart =
  | { readonly slug: string; readonly operation: Operation }
  | { readonly slug: string; readonly error: DomainError };

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
): Promise<CleanupStart[]> {
  const { slug, dropSchema } = parseInput(CleanupFailedInput, request);
  const slugs = slug === null ? await failedSlugs(ports) : [slug];
  const started: CleanupStart[] = [];
  for (const each of slugs) {
    const key =
      idempotencyKey !== null && slug === null ? `${idempotencyKey}:${each}` : idempotencyKey;
    started.push(await startCleanup(ports, actor, { slug: each, dropSchema }, key));
  }
  return started;
}

async function failedSlugs({ orm }: CleanupPorts): Promise<string[]> {
  const tenants = await orm.em
    .fork()
    .find(TenantEntity, { status: "FAILED" }, { fields: ["slug"], orderBy: { slug: "asc" } });
  return tenants.map(({ slug }) => slug);
}

async function startCleanup(
  ports: CleanupPorts,
  actor: Actor,
  input: CleanupInput,
  idempotencyKey: string | null,
): Promise<CleanupStart> {
  const { slug } = input;
  const options = { dryRun: false, idempotencyKey };
  try {
    const { cleanupTenant } = ports.operations;
    const { operation } = await startOnTenant(ports, actor, cleanupTenant, input, options);
    return { slug, operation };
  } catch (error) {
    if (isDomainError(error)) return { slug, error };
    throw error;
  }
}
