import { z } from "zod";
import type { Actor } from "../../iam/actor.ts";
import { AcceptInput, acceptInvitation } from "../../invitations/accept-invitation.ts";
import { RevealedPassword, revealOneTimePassword } from "../../invitations/one-time-password.ts";
import { TenantSession } from "../../invitations/tenant-session.ts";
import {
  ChangeTenantPasswordInput,
  changeTenantPassword,
  TenantSignInInput,
  tenantSignIn,
} from "../../invitations/tenant-sign-in.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { addSessionMutation } from "../access/session-mutation.ts";
import { actorOf } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { RateLimitedErrorRef } from "../errors.ts";
import { addMutation } from "../generate/mutation.ts";
import { objectOf } from "../generate/types.ts";
import { operationId } from "../operations/starts.ts";

addSessionMutation({
  name: "acceptInvitation",
  description:
    "Accepts an invitation to a tenant: sets the password and signs in. Whoever has a password from another tenant keeps it, and sends that one.",
  input: AcceptInput,
  payload: objectOf(TenantSession),
  errors: [RateLimitedErrorRef],
  act: acceptInvitation,
});

addSessionMutation({
  name: "tenantSignIn",
  description:
    "Signs a user of a tenant in. A one-time password answers `E_PASSWORD_CHANGE_REQUIRED`: call `changeTenantPassword` with it. For a forgotten password there is `requestTenantPasswordReset`. One sign-in a request.",
  input: TenantSignInInput,
  payload: objectOf(TenantSession),
  errors: [RateLimitedErrorRef],
  act: tenantSignIn,
});

addSessionMutation({
  name: "changeTenantPassword",
  description:
    "Changes the password of a tenant's user and signs in with it: also the way out of a one-time password.",
  input: ChangeTenantPasswordInput,
  payload: objectOf(TenantSession),
  errors: [RateLimitedErrorRef],
  act: changeTenantPassword,
});

addMutation({
  name: "revealOneTimePassword",
  description:
    "Shows the one-time password of a tenant's first administrator: once, and only to whoever started the operation.",
  grant: "invitation:reveal",
  input: z
    .object({
      operationId: z.string().meta({ description: "The UUID of the operation.", isId: true }),
    })
    .meta({
      description: "The operation that made the one-time password.",
      argument: "Whose password.",
    }),
  payload: objectOf(RevealedPassword),
  once: {
    keep: (revealed) => revealed,
    recall: async ({ expiresAt, ...revealed }: RevealedPassword) => ({
      ...revealed,
      expiresAt: new Date(expiresAt),
    }),
  },
  act: (request, context) => reveal(context, operationId(request.operationId)),
});

async function reveal(context: ApiContext, id: string): Promise<RevealedPassword> {
  const operation = await context.load.operation.load(id);
  if (operation === null) throw new DomainError("E_OPERATION_NOT_FOUND");
  const { orm, credentials, clock } = context.platform;
  const startedBy = { kind: operation.actorKind as Actor["kind"], id: operation.actorId };
  return await revealOneTimePassword({ em: orm.em, credentials, clock }, actorOf(context), {
    operationId: id,
    startedBy,
  });
}
