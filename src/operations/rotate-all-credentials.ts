import type { Actor } from "../iam/actor.ts";
import { parseInput } from "../kernel/input.ts";
import type { OperationCatalog } from "./catalog.ts";
import { RotateInput } from "./rotate-credentials.ts";
import { slugsOf, startOnEach, type TenantStart } from "./start/start-on-each.ts";
import type { StartOnTenantPorts } from "./start/start-on-tenant.ts";

interface RotatePorts extends StartOnTenantPorts {
  readonly operations: Pick<OperationCatalog, "rotateCredentials">;
}

export const RotateAllInput = RotateInput.omit({ slug: true }).meta({
  description: "How to rotate every tenant's credentials.",
  argument: "How.",
});

/**
 * Starts rotating the credentials of every ACTIVE or SUSPENDED tenant.
 *
 * @param request the input of each rotation, without the slug
 * @param idempotencyKey the same key starts no second rotation of the same tenant
 * @returns an entry for each tenant, by slug
 * @throws DomainError E_VALIDATION
 */
export async function rotateAllCredentials(
  ports: RotatePorts,
  actor: Actor,
  request: unknown,
  idempotencyKey: string | null = null,
): Promise<TenantStart[]> {
  const asked = parseInput(RotateAllInput, request);
  const slugs = await slugsOf(ports, ["ACTIVE", "SUSPENDED"]);
  const { rotateCredentials } = ports.operations;
  return await startOnEach(ports, actor, rotateCredentials, slugs, asked, (slug) =>
    idempotencyKey === null ? null : `${idempotencyKey}:${slug}`,
  );
}
