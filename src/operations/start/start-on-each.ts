import type { Actor } from "../../iam/actor.ts";
import { type DomainError, isDomainError } from "../../kernel/domain-error.ts";
import type { TenantStatus } from "../../tenants/lifecycle.ts";
import { TenantEntity } from "../../tenants/tenant.entity.ts";
import type { TenantInput } from "../define-operation.ts";
import type { Operation } from "../engine/operation.entity.ts";
import type { OperationDefinition } from "../engine/phase.ts";
import type { StartPorts } from "../engine/start-operation.ts";
import { type StartOnTenantPorts, startOnTenant } from "./start-on-tenant.ts";

/** What became of one tenant: the operation that works on it, or why there is none. */
export type TenantStart =
  | { readonly slug: string; readonly operation: Operation }
  | { readonly slug: string; readonly error: DomainError };

/** The slugs of the tenants with one of these statuses, in their order. */
export async function slugsOf(
  { orm }: StartPorts,
  statuses: readonly TenantStatus[],
): Promise<string[]> {
  const tenants = await orm.em
    .fork()
    .find(
      TenantEntity,
      { status: { $in: [...statuses] } },
      { fields: ["slug"], orderBy: { slug: "asc" } },
    );
  return tenants.map(({ slug }) => slug);
}

/**
 * Starts an operation on each of several tenants; one that is refused holds up none of the others.
 *
 * @param request what is asked of each, beside its slug
 * @param keyOf the idempotency key of each
 */
export async function startOnEach<Input extends TenantInput, Facts>(
  ports: StartOnTenantPorts,
  actor: Actor,
  operation: OperationDefinition<Input, Facts>,
  slugs: readonly string[],
  request: Readonly<Record<string, unknown>>,
  keyOf: (slug: string) => string | null,
): Promise<TenantStart[]> {
  const started: TenantStart[] = [];
  for (const slug of slugs) {
    const options = { dryRun: false, idempotencyKey: keyOf(slug) };
    try {
      const { operation: one } = await startOnTenant(
        ports,
        actor,
        operation,
        { ...request, slug },
        options,
      );
      started.push({ slug, operation: one });
    } catch (error) {
      if (!isDomainError(error)) throw error;
      started.push({ slug, error });
    }
  }
  return started;
}
