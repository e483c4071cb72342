import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { AuditActor } from "../audit/record.ts";
import { serialise } from "../database/locks.ts";
import { normalizeEmail } from "../iam/users/email.ts";
import { type Identity, IdentityEntity } from "./identity.entity.ts";
import { InvitationEntity } from "./invitation.entity.ts";

/** Answers the identity of an email as it stands now, null when there is none. */
export const findIdentityByEmail = (em: EntityManager, email: string): Promise<Identity | null> =>
  em.findOne(IdentityEntity, { email: normalizeEmail(email) }, { refresh: true });

/** Locks an identity's row until the caller's transaction ends. */
export const lockIdentity = (em: EntityManager, id: string): Promise<Identity | null> =>
  em.findOne(IdentityEntity, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });

/** Serialises, until the caller's transaction ends, whatever gives an email to an identity. */
export const lockEmail = (em: EntityManager, email: string): Promise<void> =>
  serialise(em, `identity:${normalizeEmail(email)}`);

/** The identity as the actor of an audit event, coming from `address`. */
export const auditActorOf = (
  { id, email }: Pick<Identity, "id" | "email">,
  address: string | null,
): AuditActor => ({ kind: "IDENTITY", id, name: email, address });

/** Whether the identity has a password that its owner chose. */
export const hasOwnPassword = (identity: Identity): boolean =>
  Boolean(identity.passwordHash) && !identity.mustChangePassword;

/**
 * Gives a locked identity the password that its owner has chosen: one-time passwords and the link for
 * a new password open nothing any more.
 */
export async function setOwnPassword(
  em: EntityManager,
  identity: Identity,
  passwordHash: string | null,
  now: Date,
): Promise<void> {
  em.assign(identity, {
    passwordHash,
    mustChangePassword: false,
    oneTimePasswordExpiresAt: null,
    resetTokenHash: null,
    resetExpiresAt: null,
    resetTenantId: null,
    updatedAt: now,
  });
  const { id: identityId } = identity;
  const open = { identityId, acceptedAt: null, revokedAt: null };
  await em.nativeUpdate(
    InvitationEntity,
    { ...open, kind: "ONE_TIME_PASSWORD" },
    { acceptedAt: now },
  );
}
