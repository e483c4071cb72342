import type { Tenant } from "../../tenants/tenant.entity.ts";
import { builder } from "../builder.ts";
import { type Replay, recalled } from "../idempotency.ts";
import { TenantRef } from "../refs.ts";

/** What a mutation answers that changes a tenant at once. */
export interface TenantPayload {
  readonly tenant: Tenant;
}

export const TENANT_AGAIN: Replay<TenantPayload> = {
  keep: ({ tenant: { id } }) => ({ id }),
  recall: async ({ id }: { id: string }, { load }) => ({
    tenant: recalled(await load.tenant.load(id), "E_TENANT_NOT_FOUND"),
  }),
};

export const TenantPayloadRef = builder.interfaceRef<TenantPayload>("TenantPayload").implement({
  description:
    "What every mutation answers that changes a tenant at once: one fragment serves all of them.",
  fields: (t) => ({
    tenant: t.expose("tenant", { type: TenantRef, description: "The tenant as it stands now." }),
  }),
});

/** Adds a payload to the schema that holds the tenant. */
export const tenantPayload = (name: string, description: string, tenant: string) =>
  builder.objectRef<TenantPayload>(name).implement({
    description,
    interfaces: [TenantPayloadRef],
    fields: (t) => ({ tenant: t.expose("tenant", { type: TenantRef, description: tenant }) }),
  });
