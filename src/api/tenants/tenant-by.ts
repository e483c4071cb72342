import { isId } from "../../kernel/ids.ts";
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
 * A named tenant in the fields that the rules of inputs have for it.
 *
 * @throws DomainError E_TENANT_NOT_FOUND for an id that no tenant has
 */
export async function namedTenantOf({ load }: ApiContext, by: TenantKey): Promise<NamedTenant> {
  if ("slug" in by) return { slug: by.slug };
  const tenant = isId(by.id) ? await load.tenant.load(by.id) : null;
  if (tenant === null) throw tenantIdNotFound(by.id);
  return { slug: tenant.slug, tenantId: tenant.id };
}
