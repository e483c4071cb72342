import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { z } from "zod";
import { describedEnum } from "../kernel/described.ts";
import { TENANT_ROLES } from "./membership.entity.ts";

export const InvitationKind = describedEnum(
  "InvitationKind",
  "How an invitation lets somebody in.",
  {
    INVITATION: "By a link in a mail.",
    ONE_TIME_PASSWORD: "By a one-time password, which must be changed.",
  },
);
export type InvitationKind = z.infer<typeof InvitationKind>;

export const InvitationEntity = defineEntity({
  name: "Invitation",
  tableName: "invitation",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    tenantId: p.uuid(),
    identityId: p.uuid(),
    kind: p.enum(InvitationKind.options),
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

export const InvitationState = describedEnum(
  "InvitationState",
  "Where an invitation is in its life.",
  {
    PENDING: "Can be accepted.",
    ACCEPTED: "Was accepted, or its one-time password changed.",
    EXPIRED: "Can be accepted no more; `resendInvitation` makes it PENDING again.",
    REVOKED: "Was taken back, for good.",
  },
);
export type InvitationState = z.infer<typeof InvitationState>;

/** Where an invitation is in its life. */
export function stateOf(
  { acceptedAt, revokedAt, expiresAt }: Pick<Invitation, "acceptedAt" | "revokedAt" | "expiresAt">,
  now: Date,
): InvitationState {
  if (acceptedAt !== null) return "ACCEPTED";
  if (revokedAt !== null) return "REVOKED";
  return expiresAt <= now ? "EXPIRED" : "PENDING";
}

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

/** When an invitation may be sent again: after a minute, then after two, four, … a day at most. */
export function resendableAt({
  sentAt,
  timesSent,
}: Pick<Invitation, "sentAt" | "timesSent">): Date | null {
  if (sentAt === null) return null;
  return new Date(sentAt.getTime() + Math.min(MINUTE * 2 ** (timesSent - 1), DAY));
}
