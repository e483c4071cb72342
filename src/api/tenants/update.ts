import { type UpdatedTenant, updateTenant } from "../../operations/update-tenant.ts";
import { Tier } from "../../tenants/tiers.ts";
import { builder } from "../builder.ts";
import { actorWith, mayCall } from "../caller.ts";
import { answer, OperationInProgressErrorRef, resultOf, ValidationErrorRef } from "../errors.ts";
import { enumOf } from "../generate/types.ts";
import { OperationRef, TenantRef } from "../refs.ts";

const UpdateTenantInput = builder.inputType("UpdateTenantInput", {
  description:
    "The tenant, and what to change. What is left out stays; null clears what can be empty.",
  fields: (t) => ({
    slug: t.string({ required: true, description: "The tenant's slug." }),
    name: t.string({
      description: "Its name, for people: 1 to 200 characters. Needs `tenant:edit`.",
    }),
    tier: t.field({ type: enumOf(Tier), description: "The plan that it is on." }),
    vertical: t.string({
      description: "Its line of business, at most 60 characters, or null. Needs `tenant:edit`.",
    }),
    supportEmail: t.string({ description: "Where its users ask for help, or null." }),
    supportPhone: t.string({
      description: "Where its users call for help, such as `+49 30 1234567`, or null.",
    }),
    connectionLimit: t.int({
      description:
        "How many sessions each login of its application may have at a time, 1 to 100000; null for its tier's limit. Needs `tenant:edit`.",
    }),
    statementTimeoutSeconds: t.int({
      description:
        "The statement_timeout that its sessions begin with, 0 for none to 604800; null for its tier's. Needs `tenant:edit`.",
    }),
    idleInTransactionTimeoutSeconds: t.int({
      description:
        "The idle_in_transaction_session_timeout that its sessions begin with, 0 for none to 604800; null for its tier's. Needs `tenant:edit`.",
    }),
  }),
});

const UpdateTenantPayload = builder.objectRef<UpdatedTenant>("UpdateTenantPayload").implement({
  description: "The tenant as it stands now.",
  fields: (t) => ({
    tenant: t.expose("tenant", { type: TenantRef, description: "The tenant as it stands now." }),
    operation: t.field({
      type: OperationRef,
      nullable: true,
      description:
        "The operation that gives its logins their new limits on its db server; null where these stay, where its login is closed and gets them when it is opened, and for roles without `operation:read`.",
      resolve: ({ operation }, _args, { caller }) =>
        mayCall(caller, "operation:read") ? operation : null,
    }),
  }),
});

builder.mutationField("updateTenant", (t) =>
  t.field({
    type: resultOf<UpdatedTenant>("UpdateTenantResult", UpdateTenantPayload, [
      OperationInProgressErrorRef,
      ValidationErrorRef,
    ]),
    description:
      "Changes what the registry keeps of a tenant. The role BILLING may change tier and support contacts. Two changes of different fields at the same moment both stay. Where a change of tier or limits means other limits for a tenant in use, an operation sets them on its db server; while another one is running that is refused.",
    authScopes: { action: "tenant:edit-billing" },
    args: {
      input: t.arg({ type: UpdateTenantInput, required: true, description: "What to change." }),
    },
    resolve: (_root, { input }, { platform, caller }) =>
      answer(async () => {
        const actor = actorWith(caller, "tenant:edit-billing");
        return await updateTenant(platform, actor, { ...input });
      }),
  }),
);
