import {
  ResetInput,
  ResetRequested,
  ResetRequestInput,
  requestPasswordReset,
  resetTenantPassword,
} from "../../invitations/password-reset.ts";
import { TenantSession } from "../../invitations/tenant-session.ts";
import { addSessionMutation } from "../access/session-mutation.ts";
import { RateLimitedErrorRef } from "../errors.ts";
import { addMutation } from "../generate/mutation.ts";
import { objectOf } from "../generate/types.ts";
import { managePorts } from "./people-mutations.ts";

addMutation({
  name: "requestTenantPasswordReset",
  description:
    "Sends a tenant's user who has forgotten the password a mail with a link to `/reset-password?token=…` at the tenant's application, for `resetTenantPassword`: once, within an hour; the link before stops working. It answers the same, after the same time, whether there is such a user or not, and sends nothing for a tenant that is not ACTIVE, nor to whoever was invited and has no password yet. Every request counts as a try, one a request.",
  grant: null,
  input: ResetRequestInput,
  payload: objectOf(ResetRequested),
  errors: [RateLimitedErrorRef],
  act: (request, context) =>
    requestPasswordReset(managePorts(context), { ...request, address: context.address }),
});

addSessionMutation({
  name: "resetTenantPassword",
  description:
    "Sets a new password by the link of a mail, and signs in to the tenant that it was asked from. A person has one password for all their tenants, and one-time passwords end with it. A link that is unknown, used, replaced or expired answers `E_PASSWORD_RESET_INVALID`; a refusal for another reason does not use it up.",
  input: ResetInput,
  payload: objectOf(TenantSession),
  errors: [RateLimitedErrorRef],
  act: resetTenantPassword,
});
