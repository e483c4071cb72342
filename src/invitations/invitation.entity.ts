import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { TENANT_ROLES } from "./membership.entity.ts";

const INVITATION_KINDS = ["INVITATION", "ONE_TIME_PASSWORD"] as const;
export type InvitationKind = (typeof INVITATION_KINDS)[number];

export const InvitationEntity = defineEntity({
  name: "Invitation",
  tableName: "invitation",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    identityId: p.uuid(),
    kind: p.enum(INVITATION_KINDS),
    /** What the person is to be in the tenant. */
    role: p.enum(TENANT_ROLES),
    /** The operation that made it; null for any other way. */
    operationId: p.uuid().strictNullable(),
    /** Whether the identity was made together with this invitation, and goes with it. */
    createdIdentity: p.boolean(),
    /** How many mails with a link there were; each link replaces the one before. */
    timesSent: p.integer(),
    sentAt: p.datetime().strictNullable(),
    /** SHA-256 of the newest link's token; null for a one-time password, whose hash the identity holds. */
    tokenHash: p.string().nullable().hidden(),
    expiresAt: p.datetime(),
    acceptedAt: p.datetime().strictNullable(),
    revealedAt: p.datetime().strictNullable(),
    revokedAt: p.datetime().strictNullable(),
    createdAt: p.datetime(),
  },
});
export type Invitation = InferEntity<typeof InvitationEntity>;

export const INVITATION_STATES = ["PENDING", "ACCEPTED", "EXPIRED", "REVOKED"] as const;
export type InvitationState = (typeof INVITATION_STATES)[number];

/** Where an invitation is in its life. */
export function stateOf(
  { acceptedAt, revokedAt, expiresAt }: Pick<Invitation, "acceptedAt" | "revokedAt" | "expiresAt">,
  now: Date,
): InvitationState {
  if (acceptedAt !== null) return "ACCEPTED";
  if (revokedAt !== null) return "REVOKED";
  return expiresAt <= now ? "EXPIRED" : "PENDING";
}
