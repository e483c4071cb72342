import {
  CleanupFailedInput,
  cleanupFailedTenants,
} from "../../operations/cleanup-failed-tenants.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { answer, resultOf, ValidationErrorRef } from "../errors.ts";
import { inputOf } from "../generate/inputs.ts";
import { given } from "../given.ts";
import { IDEMPOTENCY_KEY } from "../operations/starts.ts";
import { startsPayload, type TenantStarts } from "./start-entries.ts";

const Payload = startsPayload(
  "CleanupFailedTenantsPayload",
  "An entry for each tenant, by slug; none when nothing has failed.",
  {
    name: "CleanupStart",
    description: "What became of one tenant that was to be cleaned up.",
    operation: "The operation that cleans it up; null where there is none.",
  },
);

const CleanupInput = inputOf("CleanupFailedTenantsInput", CleanupFailedInput, (t) => ({
  idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }),
}));

builder.mutationField("cleanupFailedTenants", (t) =>
  t.field({
    type: resultOf<TenantStarts>("CleanupFailedTenantsResult", Payload, [ValidationErrorRef]),
    description:
      "Clears away one or all tenants whose provisioning failed, an operation for each, and frees their slugs. Tenants of another status are never touched.",
    authScopes: { action: "tenant:operate" },
    args: {
      input: t.arg({ type: CleanupInput, required: true, description: "Which ones." }),
    },
    resolve: (_root, { input }, { platform, caller }) =>
      answer(async () => {
        const { idempotencyKey = null, ...request } = given(input as { idempotencyKey?: string });
        const actor = actorWith(caller, "tenant:operate");
        return { results: await cleanupFailedTenants(platform, actor, request, idempotencyKey) };
      }),
  }),
);
