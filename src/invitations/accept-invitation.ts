import type { EntityManager } from "@mikro-orm/postgresql";
import { record } from "../audit/record.ts";
import { checkNewPassword, hashPassword } from "../iam/password.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { TenantEntity } from "../tenants/tenant.entity.ts";
import { hashInvitationToken } from "./credentials.ts";
import { auditActorOf, lockIdentity } from "./identities.ts";
import { type Invitation, InvitationEntity } from "./invitation.entity.ts";
import { MembershipEntity } from "./membership.entity.ts";
import {
  checkActive,
  issueTenantSession,
  type TenantSession,
  type TenantSessionPorts,
} from "./tenant-session.ts";

interface Acceptance {
  readonly token: string;
  readonly newPassword: string;
  /** Where the request came from, for the audit trail. */
  readonly address: string | null;
}

/**
 * Accepts an invitation: sets the password and signs in. A token works once, also for those who use
 * it at the same moment; a refusal for another reason does not use it up.
 *
 * @throws DomainError E_INVITATION_INVALID, alike for unknown, used, revoked and expired;
 *   E_WEAK_PASSWORD; E_TENANT_NOT_ACTIVE
 */
export async function acceptInvitation(
  ports: TenantSessionPorts,
  { token, newPassword, address }: Acceptance,
): Promise<TenantSession> {
  return await ports.em.fork().transactional(async (em) => {
    const invitation = await useUp(em, token, ports.clock());
    const { tenantId, identityId } = invitation;
    const identity = await lockIdentity(em, identityId);
    const tenant = await em.findOne(TenantEntity, { id: tenantId });
    const membership = await em.findOne(MembershipEntity, { tenantId, identityId });
    if (identity === null || tenant === null || membership === null) {
      throw new DomainError("E_INVITATION_INVALID");
    }
    checkActive(tenant);
    checkNewPassword(newPassword, identity.email);
    em.assign(identity, {
      passwordHash: await hashPassword(newPassword),
      ...{ mustChangePassword: false, oneTimePasswordExpiresAt: null, updatedAt: ports.clock() },
    });
    record(em, auditActorOf(identity, address), {
      type: "INVITATION_ACCEPTED",
      tenant: { id: tenantId, slug: tenant.slug },
      operationId: invitation.operationId,
      detail: { invitationId: invitation.id, email: identity.email },
    });
    return await issueTenantSession(ports, { identity, tenant, role: membership.role });
  });
}

/** Marks the invitation as accepted in one statement, which only one caller can do. */
async function useUp(em: EntityManager, token: string, now: Date): Promise<Invitation> {
  const tokenHash = hashInvitationToken(token);
  const used = await em.nativeUpdate(
    InvitationEntity,
    { tokenHash, acceptedAt: null, revokedAt: null, expiresAt: { $gt: now } },
    { acceptedAt: now },
  );
  const invitation = used === 1 ? await em.findOne(InvitationEntity, { tokenHash }) : null;
  if (invitation === null) throw new DomainError("E_INVITATION_INVALID");
  return invitation;
}
