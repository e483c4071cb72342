import {
  CleanupFailedInput,
  cleanupFailedTenants,
} from "../../operations/cleanup-failed-tenants.ts";
import { RotateAllInput, rotateAllCredentials } from "../../operations/rotate-all-credentials.ts";
import { actorOf } from "../caller.ts";
import { ValidationErrorRef } from "../errors.ts";
import { addMutation } from "../generate/mutation.ts";
import { startsPayload, type TenantStarts } from "./start-entries.ts";

const CleanupPayload = startsPayload(
  "CleanupFailedTenantsPayload",
  "An entry for each tenant, by slug; none when nothing has failed.",
  {
    name: "CleanupStart",
    description: "What became of one tenant that was to be cleaned up.",
    operation: "The operation that cleans it up; null where there is none.",
  },
);

addMutation<TenantStarts>({
  name: "cleanupFailedTenants",
  description:
    "Clears away one or all tenants whose provisioning failed, an operation for each, and frees their slugs. Tenants of another status are never touched.",
  grant: "tenant:operate",
  input: CleanupFailedInput,
  once: "OPERATION",
  payload: CleanupPayload,
  errors: [ValidationErrorRef],
  act: async ({ idempotencyKey = null, ...request }, context) => ({
    results: await cleanupFailedTenants(
      context.platform,
      actorOf(context),
      request,
      idempotencyKey as string | null,
    ),
  }),
});

const RotatePayload = startsPayload(
  "RotateAllTenantCredentialsPayload",
  "An entry for each tenant that is ACTIVE or SUSPENDED, by slug.",
  {
    name: "CredentialRotationStart",
    description: "What became of one tenant whose credentials were to be rotated.",
    operation: "The operation that rotates them; null where there is none.",
  },
);

addMutation<TenantStarts>({
  name: "rotateAllTenantCredentials",
  description:
    "Rotates the credentials of every tenant that is ACTIVE or SUSPENDED, an operation for each.",
  grant: "tenant:operate",
  input: RotateAllInput,
  once: "OPERATION",
  payload: RotatePayload,
  errors: [ValidationErrorRef],
  act: async ({ idempotencyKey = null, ...request }, context) => ({
    results: await rotateAllCredentials(
      context.platform,
      actorOf(context),
      request,
      idempotencyKey as string | null,
    ),
  }),
});
