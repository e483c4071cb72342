import { isDomainError } from "../../kernel/domain-error.ts";
import { faultsError } from "../../kernel/input.ts";
import { type NamedTenant, type TenantKey, tenantIdNotFound } from "../../tenants/registry.ts";
import { builder } from "../builder.ts";
import type { ApiContext } from "../context.ts";

export const TenantBy = builder.inputType("TenantBy", {
  description:
    "Names one tenant: by its slug or by its id. A slug is free again after a purge: a script that acts on a tenant which it has seen before names it by its id, and never acts on the slug's next owner.",
  isOneOf: true,
  fields: (t) => ({
    slug: t.string({ description: "Its slug; purged tenants are not found by it." }),
    id: t.id({ description: "Its UUID." }),
  }),
});

/**
 * Does what a mutation asks for of a tenant, with the tenant as the rules of inputs name it.
 *
 * @throws DomainError E_TENANT_NOT_FOUND for an id that no tenant has, or what `act` throws
 */
export async function withNamedTenant<T>(
  { load }: ApiContext,
  by: TenantKey,
  act: (named: NamedTenant) => Promise<T>,
): Promise<T> {
  if ("slug" in by) return await act({ slug: by.slug }).catch(tellPath);
  const tenant = await load.tenant.load(by.id);
  if (tenant === null) throw tenantIdNotFound(by.id);
  return await act({ slug: tenant.slug, tenantId: tenant.id });
}

/** The slug is a field of `tenant` to the caller. */
function tellPath(error: unknown): never {
  if (!isDomainError(error) || !error.issues.some(({ path }) => path[0] === "slug")) throw error;
  throw faultsError(
    error.issues.map((issue) =>
      issue.path[0] === "slug" ? { ...issue, path: ["tenant", ...issue.path] } : issue,
    ),
  );
}
