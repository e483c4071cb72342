import type { Clock } from "../kernel/clock.ts";
import type { LinkOf } from "../mail/deliver.ts";
import { hashLinkToken, type InvitationCredentials } from "./credentials.ts";
import { IdentityEntity } from "./identity.entity.ts";
import { InvitationEntity } from "./invitation.entity.ts";

interface MailLinkPorts {
  readonly credentials: InvitationCredentials;
  readonly clock: Clock;
  /** Where a tenant's users find their application; `{slug}` stands for the slug. */
  readonly tenantUrl: string;
}

/**
 * Tells the delivery of mail where each mail leads: an invitation to its link with the token, while
 * it can be accepted; a reset likewise, while it is the newest; a new membership to the tenant's page.
 */
export function mailLinks({ credentials, clock, tenantUrl }: MailLinkPorts): LinkOf {
  const pageOf = (slug: string) => tenantUrl.replaceAll("{slug}", slug).replace(/\/+$/, "");
  return async (em, { template, params }) => {
    const page = pageOf(params.slug);
    if (template === "membership-added") return page;
    if (template === "password-reset") {
      const token = credentials.resetToken(params.resetId);
      const newest = { resetTokenHash: hashLinkToken(token), resetExpiresAt: { $gt: clock() } };
      const isOpen = (await em.count(IdentityEntity, newest)) > 0;
      return isOpen ? `${page}/reset-password?token=${token}` : null;
    }
    const open = { acceptedAt: null, revokedAt: null, expiresAt: { $gt: clock() } };
    const invitation = await em.findOne(InvitationEntity, { id: params.invitationId, ...open });
    if (invitation === null) return null;
    return `${page}/accept-invitation?token=${credentials.token(invitation.id, invitation.timesSent)}`;
  };
}
