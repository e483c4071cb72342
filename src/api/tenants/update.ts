import { updateTenant } from "../../operations/update-tenant.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { answer, resultOf, ValidationErrorRef } from "../errors.ts";
import { TenantRef } from "../refs.ts";
import { TENANT_SLUG } from "./mutation.ts";
import { TierRef } from "./tenants.ts";

interface Payload {
  readonly tenant: Tenant;
}

const UpdateTenantInput = builder.inputType("UpdateTenantInput", {
  description:
    "The tenant, and what to change. What is left out stays; null clears what can be empty.",
  fields: (t) => ({
    slug: t.string({ required: true, description: TENANT_SLUG }),
    name: t.string({
      description: "Its name, for people: 1 to 200 characters. Needs `tenant:edit`.",
    }),
    tier: t.field({ type: TierRef, description: "The plan that it is on." }),
    vertical: t.string({
      description: "Its line of business, at most 60 characters, or null. Needs `tenant:edit`.",
    }),
    supportEmail: t.string({ description: "Where its users ask for help, or null." }),
    supportPhone: t.string({
      description: "Where its users call for help, such as `+49 30 1234567`, or null.",
    }),
  }),
});

const UpdateTenantPayload = builder.objectRef<Payload>("UpdateTenantPayload").implement({
  description: "The tenant as it stands now.",
  fields: (t) => ({
    tenant: t.expose("tenant", { type: TenantRef, description: "The tenant as it stands now." }),
  }),
});

builder.mutationField("updateTenant", (t) =>
  t.field({
    type: resultOf<Payload>("UpdateTenantResult", UpdateTenantPayload, [ValidationErrorRef]),
    description:
      "Changes what the registry keeps of a tenant. The role BILLING may change tier and support contacts. Two changes of different fields at the same moment both stay.",
    authScopes: { action: "tenant:edit-billing" },
    args: {
      input: t.arg({ type: UpdateTenantInput, required: true, description: "What to change." }),
    },
    resolve: (_root, { input }, { platform, caller }) =>
      answer(async () => {
        const actor = actorWith(caller, "tenant:edit-billing");
        return { tenant: await updateTenant(platform, actor, { ...input }) };
      }),
  }),
);
