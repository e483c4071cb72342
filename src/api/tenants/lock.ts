import { HoldInput, placeHold, ReleaseInput, releaseHold } from "../../operations/tenant-hold.ts";
import { actorOf } from "../caller.ts";
import { OperationInProgressErrorRef, ValidationErrorRef } from "../errors.ts";
import { addMutation } from "../generate/mutation.ts";
import { type TenantPayload, tenantPayload } from "./payload.ts";

const ERRORS = [ValidationErrorRef, OperationInProgressErrorRef];
const AS_IT_STANDS = "The tenant as it stands now.";

addMutation<TenantPayload>({
  name: "lockTenant",
  description:
    "Locks a tenant against deletion: until it is unlocked it can be neither offboarded nor purged nor cleaned up. For administrators.",
  grant: "tenant:lock",
  input: HoldInput,
  payload: tenantPayload("LockTenantPayload", AS_IT_STANDS, AS_IT_STANDS),
  errors: ERRORS,
  act: async (request, context) => ({
    tenant: await placeHold(context.platform, actorOf(context), request),
  }),
});

addMutation<TenantPayload>({
  name: "unlockTenant",
  description: "Takes a tenant's lock against deletion away. For administrators.",
  grant: "tenant:lock",
  input: ReleaseInput,
  payload: tenantPayload("UnlockTenantPayload", AS_IT_STANDS, AS_IT_STANDS),
  errors: ERRORS,
  act: async (request, context) => ({
    tenant: await releaseHold(context.platform, actorOf(context), request),
  }),
});
