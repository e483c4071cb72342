import {
  tenantVersion,
  type UpdatedTenant,
  UpdateInput,
  updateTenant,
} from "../../operations/update-tenant.ts";
import { builder } from "../builder.ts";
import { actorOf, mayCall } from "../caller.ts";
import { OperationInProgressErrorRef, ValidationErrorRef } from "../errors.ts";
import { addMutation } from "../generate/mutation.ts";
import { recalled } from "../idempotency.ts";
import { OperationRef, TenantRef } from "../refs.ts";
import { TenantPayloadRef } from "./payload.ts";

const UpdateTenantPayload = builder.objectRef<UpdatedTenant>("UpdateTenantPayload").implement({
  description: "The tenant as it stands now.",
  interfaces: [TenantPayloadRef],
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

builder.objectField(TenantRef, "version", (t) =>
  t.string({
    description:
      "The version of what `updateTenant` changes: send it as `ifVersion`, and nobody else's change in between is lost. Opaque; operations do not change it.",
    resolve: tenantVersion,
  }),
);

addMutation<UpdatedTenant>({
  name: "updateTenant",
  description:
    "Changes what the registry keeps of a tenant. The role BILLING may change tier and support contacts. Two changes of different fields at the same moment both stay. Where a change of tier or limits means other limits for a tenant in use, an operation sets them on its db server; while another one is running that is refused.",
  grant: "tenant:edit-billing",
  input: UpdateInput,
  payload: UpdateTenantPayload,
  errors: [OperationInProgressErrorRef, ValidationErrorRef],
  nulls: true,
  once: {
    keep: ({ tenant, operation }) => ({ id: tenant.id, operationId: operation?.id ?? null }),
    recall: async ({ id, operationId }: { id: string; operationId: string | null }, { load }) => ({
      tenant: recalled(await load.tenant.load(id), "E_TENANT_NOT_FOUND"),
      operation: operationId === null ? null : await load.operation.load(operationId),
    }),
  },
  act: (request, context) => updateTenant(context.platform, actorOf(context), request),
});
