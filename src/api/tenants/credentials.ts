import { RotateAllInput, rotateAllCredentials } from "../../operations/rotate-all-credentials.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { answer, resultOf, ValidationErrorRef } from "../errors.ts";
import { inputOf } from "../generate/inputs.ts";
import { given } from "../given.ts";
import { IDEMPOTENCY_KEY } from "../operations/starts.ts";
import { startsPayload, type TenantStarts } from "./start-entries.ts";

const Payload = startsPayload(
  "RotateAllTenantCredentialsPayload",
  "An entry for each tenant that is ACTIVE or SUSPENDED, by slug.",
  {
    name: "CredentialRotationStart",
    description: "What became of one tenant whose credentials were to be rotated.",
    operation: "The operation that rotates them; null where there is none.",
  },
);

builder.mutationField("rotateAllTenantCredentials", (t) =>
  t.field({
    type: resultOf<TenantStarts>("RotateAllTenantCredentialsResult", Payload, [ValidationErrorRef]),
    description:
      "Rotates the credentials of every tenant that is ACTIVE or SUSPENDED, an operation for each.",
    authScopes: { action: "tenant:operate" },
    args: {
      input: t.arg({
        type: inputOf("RotateAllTenantCredentialsInput", RotateAllInput, (fields) => ({
          idempotencyKey: fields.string({ description: IDEMPOTENCY_KEY }),
        })),
        required: true,
        description: "How.",
      }),
    },
    resolve: (_root, { input }, { platform, caller }) =>
      answer(async () => {
        const { idempotencyKey = null, ...request } = given(input as { idempotencyKey?: string });
        const actor = actorWith(caller, "tenant:operate");
        return { results: await rotateAllCredentials(platform, actor, request, idempotencyKey) };
      }),
  }),
);
