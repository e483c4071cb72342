import type { EntityManager } from "@mikro-orm/postgresql";
import { type AuditActor, record } from "../audit/record.ts";
import { ONE_TIME_PASSWORD_LIFETIME } from "../iam/sign-in/one-time-password.ts";
import { hashPassword } from "../iam/sign-in/password.ts";
import type { Clock } from "../kernel/clock.ts";
import { newId } from "../kernel/ids.ts";
import { queueMail } from "../mail/outbox.ts";
import { hashLinkToken, type InvitationCredentials } from "./credentials.ts";
import type { Identity } from "./identity.entity.ts";
import { type Invitation, InvitationEntity, type InvitationKind } from "./invitation.entity.ts";
import type { TenantRole } from "./membership.entity.ts";

const DAY = 86_400_000;
const INVITATION_LIFETIME = 7 * DAY;

export interface InvitePorts {
  readonly credentials: InvitationCredentials;
  readonly clock: Clock;
}

/** The tenant that an invitation is to, as its mail names it. */
export interface InvitedTo {
  readonly slug: string;
  readonly tenantName: string;
}

/** Whom to invite to which tenant, and how. */
interface NewInvitation extends InvitedTo {
  readonly kind: InvitationKind;
  readonly identity: Identity;
  readonly role: TenantRole;
  readonly createdIdentity: boolean;
  readonly tenantId: string;
  /** Null where no operation invites. */
  readonly operationId: string | null;
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
  const { kind, identity, tenantId, operationId, role, createdIdentity } = input;
  const now = ports.clock();
  const invitation = em.create(InvitationEntity, {
    id: newId(),
    tenantId,
    identityId: identity.id,
    kind,
    role,
    operationId,
    createdIdentity,
    createdAt: now,
    timesSent: 0,
    sentAt: null,
    tokenHash: null,
    expiresAt: now,
    acceptedAt: null,
    revealedAt: null,
    revokedAt: null,
  });
  em.persist(invitation);
  if (kind === "INVITATION") sendLink(ports, em, { ...input, invitation });
  else await setOneTimePassword(ports, invitation, identity);
  record(em, input.actor, {
    type: kind === "INVITATION" ? "INVITATION_SENT" : "ONE_TIME_PASSWORD_SET",
    tenant: { id: tenantId, slug: input.slug },
    ...(operationId === null ? {} : { operationId }),
    detail: { invitationId: invitation.id, email: identity.email },
  });
  return invitation;
}

interface Link extends InvitedTo {
  readonly invitation: Invitation;
  readonly identity: Identity;
}

/**
 * Sends an invitation's next link, inside the caller's transaction: the one before stops working, and
 * the 7 days begin anew.
 *
 * @returns the mail's id
 */
export function sendLink(
  { credentials, clock }: InvitePorts,
  em: EntityManager,
  { invitation, identity, slug, tenantName }: Link,
): string {
  const now = clock();
  const { id } = invitation;
  const timesSent = invitation.timesSent + 1;
  Object.assign(invitation, {
    kind: "INVITATION",
    timesSent,
    sentAt: now,
    tokenHash: hashLinkToken(credentials.token(id, timesSent)),
    expiresAt: new Date(now.getTime() + INVITATION_LIFETIME),
  });
  const params = { invitationId: id, slug, tenantName };
  return queueMail(em, clock, { template: "invitation", recipient: identity.email, params });
}

async function setOneTimePassword(
  { credentials, clock }: InvitePorts,
  invitation: Invitation,
  identity: Identity,
): Promise<void> {
  invitation.expiresAt = new Date(clock().getTime() + ONE_TIME_PASSWORD_LIFETIME);
  identity.passwordHash = await hashPassword(credentials.oneTimePassword(invitation.id));
  identity.mustChangePassword = true;
  identity.oneTimePasswordExpiresAt = invitation.expiresAt;
}

/** Takes a one-time password away that nobody has changed yet; a password of one's own stays. */
export function dropOneTimePassword(identity: Identity): void {
  if (!identity.mustChangePassword) return;
  identity.passwordHash = null;
  identity.mustChangePassword = false;
  identity.oneTimePasswordExpiresAt = null;
}
