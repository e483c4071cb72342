import { rotateAllCredentials } from "../../operations/rotate-all-credentials.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { answer, resultOf, ValidationErrorRef } from "../errors.ts";
import { given } from "../given.ts";
import { IDEMPOTENCY_KEY } from "../operations/starts.ts";
import { type InputFieldBuilder, tenantMutation } from "./mutation.ts";
import { startsPayload, type TenantStarts } from "./start-entries.ts";

const REASON = "Why it is done, 1 to 500 characters, for the audit trail.";

const rotationFields = (t: InputFieldBuilder) => ({
  gracePeriodSeconds: t.int({
    defaultValue: 3600,
    description:
      "How many seconds the old login stays open behind the new one, 0 to 604800; 0 closes it at once.",
  }),
  endGrace: t.boolean({
    defaultValue: false,
    description:
      "Whether to close a login first that an earlier rotation has left open; otherwise that is refused with E_GRACE_RUNNING.",
  }),
  reason: t.string({ description: REASON }),
});

tenantMutation({
  name: "rotateTenantCredentials",
  description:
    "Gives a tenant's application a new login and stores it as the newest version of the secret. Whoever reads the secret gets in at every moment; the old login is closed when the grace period ends, by an operation of its own.",
  input: "The tenant whose credentials to rotate.",
  fields: rotationFields,
  dryRun: "Whether only to say which role would take its turn, and to write nothing.",
  operation: (operations) => operations.rotateCredentials,
});

tenantMutation({
  name: "retireTenantCredentials",
  description:
    "Closes the login that a rotation has left open, before its grace period ends: with its password and its sessions. Nothing happens where none is open.",
  input: "The tenant whose old login to close.",
  fields: (t) => ({ reason: t.string({ description: REASON }) }),
  operation: (operations) => operations.retireCredentials,
});

const Payload = startsPayload(
  "RotateAllTenantCredentialsPayload",
  "An entry for each tenant that is ACTIVE or SUSPENDED, by slug.",
  {
    name: "CredentialRotationStart",
    description: "What became of one tenant whose credentials were to be rotated.",
    operation: "The operation that rotates them; null where there is none.",
  },
);

const RotateAllInput = builder.inputType("RotateAllTenantCredentialsInput", {
  description: "How to rotate every tenant's credentials.",
  fields: (t) => ({
    ...rotationFields(t),
    idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }),
  }),
});

builder.mutationField("rotateAllTenantCredentials", (t) =>
  t.field({
    type: resultOf<TenantStarts>("RotateAllTenantCredentialsResult", Payload, [ValidationErrorRef]),
    description:
      "Rotates the credentials of every tenant that is ACTIVE or SUSPENDED, an operation for each.",
    authScopes: { action: "tenant:operate" },
    args: {
      input: t.arg({ type: RotateAllInput, required: true, description: "How." }),
    },
    resolve: (_root, { input }, { platform, caller }) =>
      answer(async () => {
        const { idempotencyKey, ...request } = given(input);
        const actor = actorWith(caller, "tenant:operate");
        const key = idempotencyKey ?? null;
        return { results: await rotateAllCredentials(platform, actor, request, key) };
      }),
  }),
);
