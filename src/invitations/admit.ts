import type { EntityManager } from "@mikro-orm/postgresql";
import { type AuditActor, record } from "../audit/record.ts";
import { newId } from "../kernel/ids.ts";
import { queueMail } from "../mail/outbox.ts";
import { hasOwnPassword } from "./identities.ts";
import { type Identity, IdentityEntity } from "./identity.entity.ts";
import type { Invitation, InvitationKind } from "./invitation.entity.ts";
import { type InvitedTo, type InvitePorts, invite } from "./invite.ts";
import { type Membership, MembershipEntity, type TenantRole } from "./membership.entity.ts";

/** Whom to make a member of which tenant. */
interface Admission extends InvitedTo {
  readonly tenantId: string;
  readonly email: string;
  readonly name: string | null;
  /** The identity that has this email, null when there is none. */
  readonly existing: Identity | null;
  readonly role: TenantRole;
  readonly credential: InvitationKind;
  /** The operation that asks for it, null where there is none. */
  readonly operationId: string | null;
  readonly actor: AuditActor;
}

interface Admitted {
  readonly membership: Membership;
  /** Null where the person has a password already, which then stays. */
  readonly invitation: Invitation | null;
}

/**
 * Makes somebody a member inside the caller's transaction, which holds the email's lock: identity
 * where there is none, membership, and the way in. Whoever has a password is told by mail; an
 * identity that exists without one gets an invitation, never a one-time password: that would open
 * its other tenants to whoever reads it.
 */
export async function admit(
  ports: InvitePorts,
  em: EntityManager,
  input: Admission,
): Promise<Admitted> {
  const { existing, slug, tenantName } = input;
  const identity = existing ?? (await createIdentity(ports, em, input));
  const membership = addMembership(ports, em, identity, input);
  if (existing !== null && hasOwnPassword(existing)) {
    queueMail(em, ports.clock, {
      template: "membership-added",
      recipient: identity.email,
      params: { membershipId: membership.id, slug, tenantName },
    });
    return { membership, invitation: null };
  }
  const kind = existing === null ? input.credential : "INVITATION";
  const createdIdentity = existing === null;
  return {
    membership,
    invitation: await invite(ports, em, { ...input, kind, identity, createdIdentity }),
  };
}

async function createIdentity(
  { clock }: InvitePorts,
  em: EntityManager,
  { email, name }: Admission,
): Promise<Identity> {
  const now = clock();
  const identity = em.create(IdentityEntity, {
    id: newId(),
    email,
    name,
    passwordHash: null,
    mustChangePassword: false,
    oneTimePasswordExpiresAt: null,
    lastSignedInAt: null,
    createdAt: now,
    updatedAt: now,
  });
  // Written at once: the ORM does not know that memberships and invitations refer to it.
  await em.persist(identity).flush();
  return identity;
}

function addMembership(
  { clock }: InvitePorts,
  em: EntityManager,
  { id: identityId, email }: Identity,
  { tenantId, slug, role, operationId, actor }: Admission,
): Membership {
  const membership = em.create(MembershipEntity, {
    id: newId(),
    identityId,
    tenantId,
    role,
    operationId,
    createdAt: clock(),
  });
  em.persist(membership);
  record(em, actor, {
    type: "MEMBERSHIP_ADDED",
    tenant: { id: tenantId, slug },
    ...(operationId === null ? {} : { operationId }),
    detail: { membershipId: membership.id, email, role },
  });
  return membership;
}
