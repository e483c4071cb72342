import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

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
    operationId: p.uuid(),
    /** Whether the identity was made together with this invitation, and goes with it. */
    createdIdentity: p.boolean(),
    /** SHA-256 of the link's token; null for a one-time password, whose hash the identity holds. */
    tokenHash: p.string().nullable().hidden(),
    expiresAt: p.datetime(),
    acceptedAt: p.datetime().nullable(),
    revealedAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
    createdAt: p.datetime(),
  },
});
export type Invitation = InferEntity<typeof InvitationEntity>;
