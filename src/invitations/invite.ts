import type { EntityManager } from "@mikro-orm/postgresql";
import { type AuditActor, record } from "../audit/record.ts";
import { ONE_TIME_PASSWORD_LIFETIME } from "../iam/one-time-password.ts";
import { hashPassword } from "../iam/password.ts";
import type { Clock } from "../kernel/clock.ts";
import { newId } from "../kernel/ids.ts";
import { queueMail } from "../mail/outbox.ts";
import { hashInvitationToken, type InvitationCredentials } from "./credentials.ts";
import type { Identity } from "./identity.entity.ts";
import { type Invitation, InvitationEntity, type InvitationKind } from "./invitation.entity.ts";

const DAY = 86_400_000;
const INVITATION_LIFETIME = 7 * DAY;

interface InvitePorts {
  readonly credentials: InvitationCredentials;
  readonly clock: Clock;
}

/** Whom to invite to which tenant, and how. */
interface NewInvitation {
  readonly kind: InvitationKind;
  readonly identity: Identity;
  readonly createdIdentity: boolean;
  readonly tenantId: string;
  readonly slug: string;
  readonly tenantName: string;
  readonly operationId: string;
  readonly actor: AuditActor;
}

/**
 * Invites an identity inside the caller's transaction: by a mail with a link (7 days), or by a
 * one-time password (72 hours), which is revealed to whoever started the operation.
 */
export async function invite(
  ports: InvitePorts,
  em: EntityManager,
  input: NewInvitation,
): Promise<Invitation> {
  const { kind, identity, tenantId, operationId } = input;
  const { credentials, clock } = ports;
  const now = clock();
  const id = newId();
  const byLink = kind === "INVITATION";
  const lifetime = byLink ? INVITATION_LIFETIME : ONE_TIME_PASSWORD_LIFETIME;
  const invitation = em.create(InvitationEntity, {
    ...{ id, tenantId, identityId: identity.id, kind, operationId },
    ...{ createdIdentity: input.createdIdentity, createdAt: now },
    tokenHash: byLink ? hashInvitationToken(credentials.token(id)) : null,
    expiresAt: new Date(now.getTime() + lifetime),
    ...{ acceptedAt: null, revealedAt: null, revokedAt: null },
  });
  em.persist(invitation);
  if (byLink) {
    const params = { invitationId: id, slug: input.slug, tenantName: input.tenantName };
    queueMail(em, clock, { template: "invitation", recipient: identity.email, params });
  } else {
    identity.passwordHash = await hashPassword(credentials.oneTimePassword(id));
    identity.mustChangePassword = true;
    identity.oneTimePasswordExpiresAt = invitation.expiresAt;
  }
  record(em, input.actor, {
    type: byLink ? "INVITATION_SENT" : "ONE_TIME_PASSWORD_SET",
    tenant: { id: tenantId, slug: input.slug },
    operationId,
    detail: { invitationId: id, email: identity.email },
  });
  return invitation;
}
