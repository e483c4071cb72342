import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import { record } from "../audit/record.ts";
import {
  checkNewPassword,
  hashPassword,
  NEW_PASSWORD,
  verifyPassword,
} from "../iam/sign-in/password.ts";
import type { FromAddress } from "../iam/sign-in/session.ts";
import { limitAttempts } from "../iam/sign-in/sign-in-limit.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { hashLinkToken } from "./credentials.ts";
import { lockMember, type Member } from "./find-member.ts";
import { auditActorOf, hasOwnPassword, lockIdentity, setOwnPassword } from "./identities.ts";
import type { Identity } from "./identity.entity.ts";
import { type Invitation, InvitationEntity } from "./invitation.entity.ts";
import {
  checkActive,
  issueTenantSession,
  type TenantSession,
  type TenantSessionPorts,
} from "./tenant-session.ts";
import { auditRefusal } from "./tenant-sign-in.ts";

const INVALID = "E_INVITATION_INVALID";

export const AcceptInput = z
  .object({
    token: z.string().describe("The token in the invitation's link."),
    newPassword: z
      .string()
      .describe(`${NEW_PASSWORD} For whoever has a password already, that password.`),
  })
  .meta({
    description: "An invitation, and the password to sign in with from now on.",
    argument: "Which one.",
  });

type Acceptance = z.infer<typeof AcceptInput> & FromAddress;

/**
 * Accepts an invitation: sets the password and signs in. A token works once, also for those who use
 * it at the same moment; a refusal for another reason does not use it up. Whoever has a password by
 * now, from another tenant, keeps it and has to give that one.
 *
 * @throws DomainError E_INVITATION_INVALID, alike for unknown, used, revoked and expired;
 *   E_WEAK_PASSWORD; E_SIGN_IN_FAILED for a password that is not the one they have;
 *   E_TENANT_NOT_ACTIVE; E_RATE_LIMITED after too many tokens that were not valid, or wrong passwords
 */
export async function acceptInvitation(
  ports: TenantSessionPorts,
  { token, newPassword, address }: Acceptance,
): Promise<TenantSession> {
  const [invitationId = ""] = token.split(".", 1);
  const account = ["INVITATION", invitationId] as const;
  const member = await limitAttempts(ports, { account, address }, () => invited(ports, token));
  await checkOwnPassword(ports, member, { given: newPassword, address });
  checkActive(member.tenant);
  // Before the transaction: nobody waits for a lock while a password is hashed.
  const before = member.identity.passwordHash;
  const passwordHash = await passwordFor(member.identity, newPassword);
  return await ports.em.fork().transactional(async (em) => {
    const now = ports.clock();
    // The identity before the invitation: so does everybody who locks both.
    await lockIdentity(em, member.identity.id);
    const invitation = await useUp(em, token, now);
    const { tenant, identity, membership } = await lockMember(em, invitation, INVALID);
    checkActive(tenant);
    // Another invitation was accepted meanwhile, with another password.
    if (identity.passwordHash !== before) throw new DomainError(INVALID);
    await setOwnPassword(em, identity, passwordHash, now);
    record(em, auditActorOf(identity, address), {
      type: "INVITATION_ACCEPTED",
      tenant: { id: tenant.id, slug: tenant.slug },
      ...(invitation.operationId === null ? {} : { operationId: invitation.operationId }),
      detail: { invitationId: invitation.id, email: identity.email },
    });
    return await issueTenantSession(ports, { identity, tenant, role: membership.role });
  });
}

/**
 * A link shows who somebody is, and is no way to replace the password that they sign in with. A try at
 * that one is limited and told like every other.
 */
async function checkOwnPassword(
  ports: TenantSessionPorts,
  { identity, tenant }: Member,
  { given, address }: { readonly given: string; readonly address: string | null },
): Promise<void> {
  if (!hasOwnPassword(identity)) return;
  const { email } = identity;
  await limitAttempts(ports, { account: ["TENANT", email], address }, async () => {
    if (await verifyPassword(identity.passwordHash ?? null, given)) return;
    await auditRefusal(ports, { email, address }, { tenant, identity }, "WRONG_PASSWORD");
    throw new DomainError("E_SIGN_IN_FAILED", {
      message:
        "You have a password already, for another tenant: accept the invitation with that one",
    });
  });
}

async function passwordFor(identity: Identity, given: string): Promise<string | null> {
  if (hasOwnPassword(identity)) return identity.passwordHash ?? null;
  checkNewPassword(given, identity.email);
  return await hashPassword(given);
}

const openAt = (token: string, now: Date) => ({
  tokenHash: hashLinkToken(token),
  acceptedAt: null,
  revokedAt: null,
  expiresAt: { $gt: now },
});

/** Answers whom an invitation is for that can be accepted now. */
async function invited({ em, clock }: TenantSessionPorts, token: string): Promise<Member> {
  return await em.fork().transactional(async (tx) => {
    const invitation = await tx.findOne(InvitationEntity, openAt(token, clock()));
    const member = invitation && (await lockMember(tx, invitation, INVALID));
    // It may have been accepted while this waited for the identity.
    const still = await tx.count(InvitationEntity, openAt(token, clock()));
    if (member === null || still === 0) throw new DomainError(INVALID);
    return member;
  });
}

/** Marks the invitation as accepted in one statement, which only one caller can do. */
async function useUp(em: EntityManager, token: string, now: Date): Promise<Invitation> {
  const used = await em.nativeUpdate(InvitationEntity, openAt(token, now), { acceptedAt: now });
  const invitation =
    used === 1 ? await em.findOne(InvitationEntity, { tokenHash: hashLinkToken(token) }) : null;
  if (invitation === null) throw new DomainError(INVALID);
  return invitation;
}
