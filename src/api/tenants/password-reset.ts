import { requestPasswordReset, resetTenantPassword } from "../../invitations/password-reset.ts";
import type { TenantSession } from "../../invitations/tenant-session.ts";
import { builder } from "../builder.ts";
import { answer, RateLimitedErrorRef, resultOf } from "../errors.ts";
import { NEW_PASSWORD, sessionPorts, TenantSessionRef } from "./invitations.ts";
import { managePorts } from "./people-mutations.ts";

interface Requested {
  readonly requested: true;
}

const RequestedRef = builder.objectRef<Requested>("RequestTenantPasswordResetPayload").implement({
  description: "The request was taken; whether there is such a user is told to nobody.",
  fields: (t) => ({
    requested: t.exposeBoolean("requested", {
      description:
        "Always true. Say to the user: if there is such an account, a mail with a link is on its way.",
    }),
  }),
});

const RequestInput = builder.inputType("RequestTenantPasswordResetInput", {
  description: "Who has forgotten the password.",
  fields: (t) => ({
    slug: t.string({ required: true, description: "The tenant's slug." }),
    email: t.string({ required: true, description: "The email address, in any case." }),
  }),
});

const ResetInput = builder.inputType("ResetTenantPasswordInput", {
  description: "The link that a mail has brought, and the password to have from now on.",
  fields: (t) => ({
    token: t.string({ required: true, description: "The token in the link." }),
    newPassword: t.string({ required: true, description: NEW_PASSWORD }),
  }),
});

const LIMITED = [RateLimitedErrorRef];
const RequestResult = resultOf<Requested>(
  "RequestTenantPasswordResetResult",
  RequestedRef,
  LIMITED,
);
const ResetResult = resultOf<TenantSession>("ResetTenantPasswordResult", TenantSessionRef, LIMITED);

builder.mutationFields((t) => ({
  requestTenantPasswordReset: t.field({
    type: RequestResult,
    description:
      "Sends a tenant's user who has forgotten the password a mail with a link to `/reset-password?token=…` at the tenant's application, for `resetTenantPassword`: once, within an hour; the link before stops working. It answers the same, after the same time, whether there is such a user or not, and sends nothing for a tenant that is not ACTIVE, nor to whoever was invited and has no password yet. Every request counts as a try, one a request.",
    authScopes: { anyone: true },
    args: { input: t.arg({ type: RequestInput, required: true, description: "Who it is." }) },
    resolve: (_root, { input }, context) =>
      answer(async () => {
        await requestPasswordReset(managePorts(context), { ...input, address: context.address });
        return { requested: true as const };
      }),
  }),
  resetTenantPassword: t.field({
    type: ResetResult,
    description:
      "Sets a new password by the link of a mail, and signs in to the tenant that it was asked from. A person has one password for all their tenants, and one-time passwords end with it. A link that is unknown, used, replaced or expired answers `E_PASSWORD_RESET_INVALID`; a refusal for another reason does not use it up.",
    authScopes: { anyone: true },
    args: {
      input: t.arg({ type: ResetInput, required: true, description: "The link and password." }),
    },
    resolve: (_root, { input }, context) =>
      answer(() =>
        resetTenantPassword(sessionPorts(context), { ...input, address: context.address }),
      ),
  }),
}));
