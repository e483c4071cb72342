import type { EntityManager } from "@mikro-orm/postgresql";
import type { AuditActor } from "../audit/record.ts";
import { parseEmail } from "../iam/users/email.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { revokeMail } from "../mail/outbox.ts";
import { admit } from "./admit.ts";
import { findIdentityByEmail, lockEmail, lockIdentity } from "./identities.ts";
import type { Identity } from "./identity.entity.ts";
import { InvitationEntity, type InvitationKind } from "./invitation.entity.ts";
import type { InvitePorts } from "./invite.ts";
import { type Membership, MembershipEntity } from "./membership.entity.ts";

/** The first administrator of a tenant, and how they get in. */
export interface FirstAdmin {
  readonly tenantId: string;
  readonly slug: string;
  readonly tenantName: string;
  readonly email: string;
  readonly name: string | null;
  /** Whether an identity that exists already may be linked to the tenant. */
  readonly allowExistingUser: boolean;
  readonly credential: InvitationKind;
  readonly operationId: string;
  /** Who started the operation, for the audit trail. */
  readonly actor: AuditActor;
}

/** How the first administrator gets in. */
export interface SeededAdmin {
  readonly identityId: string;
  readonly membershipId: string;
  /** Null where the identity has a password already. */
  readonly invitationId: string | null;
  /**
   * EXISTING_PASSWORD: the identity keeps the password that it has, whatever was asked for. An
   * identity that exists without a password of its own gets an INVITATION, never a one-time
   * password: that would open its other tenants to whoever reads it.
   */
  readonly credential: InvitationKind | "EXISTING_PASSWORD";
}

/**
 * Makes the owner of a tenant inside the caller's transaction: identity where there is none, OWNER
 * membership, invitation or one-time password, and the mail. Done already, it changes nothing.
 *
 * @throws DomainError E_OWNER_EXISTS when there is an identity with this email and linking it was
 *   not allowed; E_VALIDATION for a malformed email
 */
export async function seedFirstAdmin(
  ports: InvitePorts,
  em: EntityManager,
  input: FirstAdmin,
): Promise<SeededAdmin> {
  const email = parseEmail(input.email);
  await lockEmail(em, email);
  const existing = await findIdentityByEmail(em, email);
  const done = existing && (await findSeeded(em, input, existing));
  if (done !== null) return done;
  if (existing !== null && !input.allowExistingUser) throw ownerExists();
  const admission = { ...input, email, existing, role: "OWNER" } as const;
  const { membership, invitation } = await admit(ports, em, admission);
  return resultOf(membership, invitation);
}

/** What an earlier call for this tenant made of this identity, null when there was none. */
async function findSeeded(
  em: EntityManager,
  { tenantId, operationId }: FirstAdmin,
  { id: identityId }: Identity,
): Promise<SeededAdmin | null> {
  const membership = await em.findOne(MembershipEntity, { tenantId, identityId });
  if (membership === null) return null;
  const invitation = await em.findOne(
    InvitationEntity,
    { tenantId, identityId, revokedAt: null },
    { orderBy: { createdAt: "desc" } },
  );
  // A retry takes over what the operation before it left behind.
  if (membership.operationId) membership.operationId = operationId;
  if (invitation !== null) invitation.operationId = operationId;
  return resultOf(membership, invitation);
}

const resultOf = (
  { id, identityId }: Membership,
  invitation: { readonly id: string; readonly kind: InvitationKind } | null,
): SeededAdmin => ({
  identityId,
  membershipId: id,
  invitationId: invitation?.id ?? null,
  credential: invitation?.kind ?? "EXISTING_PASSWORD",
});

const ownerExists = () =>
  new DomainError("E_OWNER_EXISTS", {
    message: "An identity with the administrator's email exists already",
    nextAction:
      "Provision it again with `provisionTenant`, with `allowExistingUser` or another email.",
    issues: [{ path: ["adminEmail"], message: "exists already", code: "E_OWNER_EXISTS" }],
  });

/**
 * Removes, inside the caller's transaction, what `seedFirstAdmin` made for a tenant: memberships and
 * invitations of operations, their unsent mail, and identities that were made for it, unless they
 * belong to another tenant by now or have signed in. Nothing made is fine.
 */
export async function undoFirstAdmin(
  em: EntityManager,
  { tenantId }: { readonly tenantId: string },
): Promise<void> {
  const invitations = await em.find(InvitationEntity, { tenantId });
  const memberships = await em.find(MembershipEntity, { tenantId, operationId: { $ne: null } });
  for (const { id } of [...invitations, ...memberships]) await revokeMail(em, id);
  await em.remove([...invitations, ...memberships]).flush();
  for (const { createdIdentity, identityId } of invitations) {
    if (createdIdentity) await removeIfUnused(em, identityId);
  }
}

async function removeIfUnused(em: EntityManager, identityId: string): Promise<void> {
  const identity = await lockIdentity(em, identityId);
  if (identity === null || identity.lastSignedInAt) return;
  const used =
    (await em.count(MembershipEntity, { identityId })) +
    (await em.count(InvitationEntity, { identityId }));
  if (used === 0) await em.remove(identity).flush();
}

/** Whether an identity has this email already: asked early, before work is begun. */
export const ownerEmailTaken = async (em: EntityManager, email: string): Promise<boolean> =>
  (await findIdentityByEmail(em, email)) !== null;
