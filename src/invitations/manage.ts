import { LockMode } from "@mikro-orm/core";
import { record } from "../audit/record.ts";
import type { EntityManager } from "../database/orm.ts";
import type { Actor } from "../iam/actor.ts";
import { DomainError, RateLimitedError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import { type MailQueue, revokeMail } from "../mail/outbox.ts";
import { nextFor } from "../tenants/lifecycle.ts";
import { lockTenantRow } from "../tenants/registry.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { lockIdentity } from "./identities.ts";
import type { Identity } from "./identity.entity.ts";
import { type Invitation, InvitationEntity, resendableAt, stateOf } from "./invitation.entity.ts";
import { dropOneTimePassword, type InvitePorts, sendLink } from "./invite.ts";
import { MembershipEntity } from "./membership.entity.ts";
import { checkActive } from "./tenant-session.ts";

export interface ManagePorts extends InvitePorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly queue: MailQueue;
}

/**
 * Sends an invitation again with a new link, also one that has expired and in place of a one-time
 * password; the link or password before stops working. Each time it must rest twice as long as
 * before: a minute after the first link, a day at most.
 *
 * @throws DomainError E_INVITATION_NOT_FOUND, E_TENANT_NOT_ACTIVE; E_INVITATION_CLOSED
 *   for one that was accepted or revoked; RateLimitedError
 */
export async function resendInvitation(
  ports: ManagePorts,
  actor: Actor,
  invitationId: string,
): Promise<Tenant> {
  return await onHeldInvitation(ports, invitationId, async (em, { invitation, ...people }) => {
    const { tenant, identity } = people;
    const { id, kind } = invitation;
    checkActive(tenant, nextFor(tenant, "OTHER"));
    refuseClosed(invitation, ports.clock());
    refuseTooSoon(invitation, ports.clock());
    await revokeMail(em, id);
    if (kind === "ONE_TIME_PASSWORD") dropOneTimePassword(identity);
    const { slug, name: tenantName } = tenant;
    const mailId = sendLink(ports, em, { invitation, identity, slug, tenantName });
    record(em, actor, {
      type: "INVITATION_RESENT",
      tenant: { id: tenant.id, slug },
      detail: { invitationId: id, email: identity.email, timesSent: invitation.timesSent },
    });
    await ports.queue.enqueueMail(em, `mail-${mailId}`);
  });
}

/**
 * Revokes an invitation: its link stops working, and the person is no member any more. One that was
 * revoked already stays as it is.
 *
 * @throws DomainError E_INVITATION_NOT_FOUND; E_INVITATION_CLOSED for one that was accepted
 */
export async function revokeInvitation(
  ports: ManagePorts,
  actor: Actor,
  invitationId: string,
): Promise<Tenant> {
  return await onHeldInvitation(ports, invitationId, async (em, { invitation, ...people }) => {
    if (invitation.revokedAt !== null) return;
    refuseClosed(invitation, ports.clock());
    const { tenant, identity } = people;
    record(em, actor, {
      type: "INVITATION_REVOKED",
      tenant: { id: tenant.id, slug: tenant.slug },
      detail: { invitationId: invitation.id, email: identity.email },
    });
    await removeTies(ports, em, tenant, identity);
  });
}

/**
 * Takes somebody's membership away, and their open invitations to the tenant with it. What they hold
 * of the tenant's application ends with their access token, within 15 minutes.
 *
 * @throws DomainError E_MEMBERSHIP_NOT_FOUND
 */
export async function removeMembership(
  ports: ManagePorts,
  actor: Actor,
  membershipId: string,
): Promise<Tenant> {
  return await ports.em.fork().transactional(async (em) => {
    const found = isId(membershipId) && (await em.findOne(MembershipEntity, { id: membershipId }));
    const tenant = found && (await lockTenantRow(em, { id: found.tenantId }));
    const identity = found && (await lockIdentity(em, found.identityId));
    const membership =
      found && (await em.findOne(MembershipEntity, { id: found.id }, { refresh: true }));
    if (!membership || !tenant || !identity) throw new DomainError("E_MEMBERSHIP_NOT_FOUND");
    record(em, actor, {
      type: "MEMBERSHIP_REMOVED",
      tenant: { id: tenant.id, slug: tenant.slug },
      detail: { membershipId, email: identity.email, role: membership.role },
    });
    await removeTies(ports, em, tenant, identity);
    return tenant;
  });
}

interface Held {
  readonly tenant: Tenant;
  readonly identity: Identity;
  readonly invitation: Invitation;
}

/** Works on an invitation that nobody else changes or accepts meanwhile; answers its tenant. */
async function onHeldInvitation(
  { em }: ManagePorts,
  id: string,
  work: (em: EntityManager, held: Held) => Promise<void>,
): Promise<Tenant> {
  return await em.fork().transactional(async (tx) => {
    const found = isId(id) ? await tx.findOne(InvitationEntity, { id }) : null;
    const tenant = found && (await lockTenantRow(tx, { id: found.tenantId }));
    // The identity before the invitation: so does everybody who locks both.
    const identity = found && (await lockIdentity(tx, found.identityId));
    const lock = { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true };
    const invitation = found && (await tx.findOne(InvitationEntity, { id }, lock));
    if (!tenant || !identity || !invitation) throw new DomainError("E_INVITATION_NOT_FOUND");
    await work(tx, { tenant, identity, invitation });
    return tenant;
  });
}

/** Takes somebody out of a tenant: membership, open invitations with their passwords, unsent mail. */
async function removeTies(
  { clock }: ManagePorts,
  em: EntityManager,
  { id: tenantId }: Tenant,
  identity: Identity,
): Promise<void> {
  const whose = { tenantId, identityId: identity.id };
  const invitations = await em.find(InvitationEntity, {
    ...whose,
    acceptedAt: null,
    revokedAt: null,
  });
  const memberships = await em.find(MembershipEntity, whose);
  for (const { id } of [...invitations, ...memberships]) await revokeMail(em, id);
  for (const invitation of invitations) {
    invitation.revokedAt = clock();
    if (invitation.kind === "ONE_TIME_PASSWORD") dropOneTimePassword(identity);
  }
  em.remove(memberships);
}

function refuseClosed(invitation: Invitation, now: Date): void {
  const state = stateOf(invitation, now);
  if (state === "PENDING" || state === "EXPIRED") return;
  throw new DomainError("E_INVITATION_CLOSED", {
    message: `The invitation is ${state.toLowerCase()} already`,
  });
}

function refuseTooSoon(invitation: Invitation, now: Date): void {
  const wait = (resendableAt(invitation)?.getTime() ?? 0) - now.getTime();
  if (wait > 0) throw new RateLimitedError(Math.ceil(wait / 1000));
}
