import type { Actor } from "../../iam/actor.ts";
import { acceptInvitation } from "../../invitations/accept-invitation.ts";
import { TenantRole } from "../../invitations/membership.entity.ts";
import {
  type RevealedPassword,
  revealOneTimePassword,
} from "../../invitations/one-time-password.ts";
import type { TenantSession } from "../../invitations/tenant-session.ts";
import { changeTenantPassword, tenantSignIn } from "../../invitations/tenant-sign-in.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { answer, RateLimitedErrorRef, resultOf } from "../errors.ts";
import { enumOf } from "../generate/types.ts";
import { operationId } from "../operations/starts.ts";

export const IdentityRef = builder.objectRef<TenantSession["identity"]>("Identity").implement({
  description: "A person who uses tenants, one for each email over all tenants.",
  fields: (t) => ({
    id: t.exposeID("id", { description: "The UUID of the identity." }),
    email: t.exposeString("email", { description: "The email address, in lower case." }),
    name: t.exposeString("name", {
      nullable: true,
      description: "The name, for people; null when it is not known.",
    }),
  }),
});

export const TenantSessionRef = builder.objectRef<TenantSession>("TenantSession").implement({
  description: "What a signed-in user of a tenant holds.",
  fields: (t) => ({
    accessToken: t.exposeString("accessToken", {
      description:
        "A token for the tenant's application, which verifies it with `/.well-known/jwks.json`; its audience is `tenant:<slug>`. This API does not accept it.",
    }),
    accessTokenExpiresAt: t.expose("expiresAt", {
      type: "DateTime",
      description: "When the access token expires: 15 minutes from now.",
    }),
    identity: t.expose("identity", { type: IdentityRef, description: "Who has signed in." }),
    tenantSlug: t.exposeString("tenantSlug", { description: "The slug of the tenant." }),
    role: t.expose("role", {
      type: enumOf(TenantRole),
      description: "What the identity may do in the tenant.",
    }),
  }),
});

const RevealedPasswordRef = builder
  .objectRef<RevealedPassword>("RevealOneTimePasswordPayload")
  .implement({
    description: "The one-time password of a tenant's first administrator. It is not shown again.",
    fields: (t) => ({
      email: t.exposeString("email", { description: "Whose password it is." }),
      oneTimePassword: t.exposeString("oneTimePassword", {
        description: "Lets in once, for `changeTenantPassword`.",
      }),
      expiresAt: t.expose("expiresAt", {
        type: "DateTime",
        description: "When it stops working.",
      }),
    }),
  });

export const NEW_PASSWORD =
  "12 to 128 characters, not a known password, not built from the email address.";

const AcceptInvitationInput = builder.inputType("AcceptInvitationInput", {
  description: "An invitation, and the password to sign in with from now on.",
  fields: (t) => ({
    token: t.string({ required: true, description: "The token in the invitation's link." }),
    newPassword: t.string({
      required: true,
      description: `${NEW_PASSWORD} For whoever has a password already, that password.`,
    }),
  }),
});

const TenantSignInInput = builder.inputType("TenantSignInInput", {
  description: "The credentials of a tenant's user.",
  fields: (t) => ({
    slug: t.string({ required: true, description: "The tenant's slug." }),
    email: t.string({ required: true, description: "The email address, in any case." }),
    password: t.string({ required: true, description: "The password." }),
  }),
});

const ChangeTenantPasswordInput = builder.inputType("ChangeTenantPasswordInput", {
  description: "The credentials of a tenant's user, and the password to have instead.",
  fields: (t) => ({
    slug: t.string({ required: true, description: "The tenant's slug." }),
    email: t.string({ required: true, description: "The email address, in any case." }),
    currentPassword: t.string({
      required: true,
      description: "The password or one-time password as it is now.",
    }),
    newPassword: t.string({ required: true, description: NEW_PASSWORD }),
  }),
});

const RevealOneTimePasswordInput = builder.inputType("RevealOneTimePasswordInput", {
  description: "The operation that made the one-time password.",
  fields: (t) => ({
    operationId: t.id({ required: true, description: "The UUID of the operation." }),
  }),
});

const LIMITED = [RateLimitedErrorRef];
const AcceptResult = resultOf<TenantSession>("AcceptInvitationResult", TenantSessionRef, LIMITED);
const TenantSignInResult = resultOf<TenantSession>("TenantSignInResult", TenantSessionRef, LIMITED);
const ChangeResult = resultOf<TenantSession>(
  "ChangeTenantPasswordResult",
  TenantSessionRef,
  LIMITED,
);
const RevealResult = resultOf<RevealedPassword>(
  "RevealOneTimePasswordResult",
  RevealedPasswordRef,
  [],
);

export const sessionPorts = ({ platform: { orm, keys, clock } }: ApiContext) => ({
  em: orm.em,
  keys,
  clock,
});

builder.mutationFields((t) => ({
  acceptInvitation: t.field({
    type: AcceptResult,
    description:
      "Accepts an invitation to a tenant: sets the password and signs in. Whoever has a password from another tenant keeps it, and sends that one.",
    authScopes: { anyone: true },
    args: {
      input: t.arg({ type: AcceptInvitationInput, required: true, description: "Which one." }),
    },
    resolve: (_root, { input }, context) =>
      answer(() => acceptInvitation(sessionPorts(context), { ...input, address: context.address })),
  }),
  tenantSignIn: t.field({
    type: TenantSignInResult,
    description:
      "Signs a user of a tenant in. A one-time password answers `E_PASSWORD_CHANGE_REQUIRED`: call `changeTenantPassword` with it. For a forgotten password there is `requestTenantPasswordReset`. One sign-in a request.",
    authScopes: { anyone: true },
    args: {
      input: t.arg({ type: TenantSignInInput, required: true, description: "Who signs in." }),
    },
    resolve: (_root, { input }, context) =>
      answer(() => tenantSignIn(sessionPorts(context), { ...input, address: context.address })),
  }),
  changeTenantPassword: t.field({
    type: ChangeResult,
    description:
      "Changes the password of a tenant's user and signs in with it: also the way out of a one-time password.",
    authScopes: { anyone: true },
    args: {
      input: t.arg({
        type: ChangeTenantPasswordInput,
        required: true,
        description: "The passwords.",
      }),
    },
    resolve: (_root, { input }, context) =>
      answer(() =>
        changeTenantPassword(sessionPorts(context), { ...input, address: context.address }),
      ),
  }),
  revealOneTimePassword: t.field({
    type: RevealResult,
    description:
      "Shows the one-time password of a tenant's first administrator: once, and only to whoever started the operation.",
    authScopes: { action: "invitation:reveal" },
    args: {
      input: t.arg({
        type: RevealOneTimePasswordInput,
        required: true,
        description: "Whose password.",
      }),
    },
    resolve: (_root, { input }, context) => answer(() => reveal(context, input.operationId)),
  }),
}));

async function reveal(context: ApiContext, id: string): Promise<RevealedPassword> {
  const { platform, caller, load } = context;
  const actor = actorWith(caller, "invitation:reveal");
  const operation = await load.operation.load(operationId(id));
  if (operation === null) throw new DomainError("E_OPERATION_NOT_FOUND");
  const ports = { em: platform.orm.em, credentials: platform.credentials, clock: platform.clock };
  const startedBy = { kind: operation.actorKind as Actor["kind"], id: operation.actorId };
  return await revealOneTimePassword(ports, actor, { operationId: operation.id, startedBy });
}
