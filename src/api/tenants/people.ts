import type { Identity } from "../../invitations/identity.entity.ts";
import type { InvitationKind, InvitationState } from "../../invitations/invitation.entity.ts";
import { resendableAt } from "../../invitations/manage.ts";
import { TenantRole } from "../../invitations/membership.entity.ts";
import {
  type ListedInvitation,
  type ListedMember,
  type MailSent,
  MOST_LISTED,
} from "../../invitations/people.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import { describedEnum } from "../described-enum.ts";
import { enumOf } from "../generate/types.ts";
import { TenantRef } from "../refs.ts";
import { IdentityRef } from "./invitations.ts";

const MailStateRef = describedEnum<MailSent["state"]>(
  "MailState",
  "Whether a mail has left for the mail server.",
  {
    PENDING: "Not yet: it is tried again by itself, for four days.",
    SENT: "The mail server has taken it.",
    FAILED: "Never: the mail server refused it for good, or was away for too long.",
    REVOKED: "Never: what it was about has changed before it left.",
  },
);

const MailRef = builder.objectRef<MailSent>("TenantMail").implement({
  description: "A mail to somebody of a tenant, on its way.",
  fields: (t) => ({
    state: t.expose("state", { type: MailStateRef, description: "Whether it has left." }),
    attempts: t.exposeInt("attempts", { description: "How often it was tried to send it." }),
    problem: t.exposeString("lastError", {
      nullable: true,
      description: "What the last attempt failed with, in the mail server's words; or null.",
    }),
    nextAttemptAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it is tried next; null unless it is PENDING.",
      resolve: ({ state, nextAttemptAt }) => (state === "PENDING" ? nextAttemptAt : null),
    }),
    sentAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it left; null before.",
      resolve: ({ sentAt }) => sentAt ?? null,
    }),
  }),
});

const MAIL = {
  type: MailRef,
  nullable: true,
  description: "The newest mail about it; null when there is none.",
} as const;

const InvitationStateRef = describedEnum<InvitationState>(
  "InvitationState",
  "Where an invitation is in its life.",
  {
    PENDING: "Can be accepted.",
    ACCEPTED: "Was accepted, or its one-time password changed.",
    EXPIRED: "Can be accepted no more; `resendInvitation` makes it PENDING again.",
    REVOKED: "Was taken back, for good.",
  },
);

const InvitationKindRef = describedEnum<InvitationKind>(
  "InvitationKind",
  "How an invitation lets somebody in.",
  {
    INVITATION: "By a link in a mail.",
    ONE_TIME_PASSWORD: "By a one-time password, which must be changed.",
  },
);

const InvitationRef = builder.objectRef<ListedInvitation>("TenantInvitation").implement({
  description: "How somebody without a password gets into a tenant.",
  fields: (t) => ({
    id: t.id({
      description: "The UUID of the invitation; it stays when it is sent again.",
      resolve: ({ invitation }) => invitation.id,
    }),
    identity: t.field({
      type: IdentityRef,
      description: "Who is invited.",
      resolve: ({ identity }) => personOf(identity),
    }),
    role: t.field({
      type: enumOf(TenantRole),
      description: "What the person is to be in the tenant.",
      resolve: ({ invitation }) => invitation.role,
    }),
    kind: t.field({
      type: InvitationKindRef,
      description: "How it lets in.",
      resolve: ({ invitation }) => invitation.kind,
    }),
    state: t.expose("state", {
      type: InvitationStateRef,
      description: "Where it is in its life.",
    }),
    timesSent: t.int({
      description: "How many mails with a link there were; only the newest link works.",
      resolve: ({ invitation }) => invitation.timesSent,
    }),
    mail: t.expose("mail", MAIL),
    createdAt: t.field({
      type: "DateTime",
      description: "When the person was invited.",
      resolve: ({ invitation }) => invitation.createdAt,
    }),
    expiresAt: t.field({
      type: "DateTime",
      description: "Until when it can be accepted.",
      resolve: ({ invitation }) => invitation.expiresAt,
    }),
    resendableAt: t.field({
      type: "DateTime",
      nullable: true,
      description:
        "From when on it can be sent again; null where no mail was sent, and it can be at once.",
      resolve: ({ invitation }) => resendableAt(invitation),
    }),
    acceptedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it was accepted; null before.",
      resolve: ({ invitation }) => invitation.acceptedAt,
    }),
    revokedAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it was revoked; null unless it was.",
      resolve: ({ invitation }) => invitation.revokedAt,
    }),
  }),
});

const MemberRef = builder.objectRef<ListedMember>("TenantMember").implement({
  description: "Somebody who belongs to a tenant, whether they have signed in already or not.",
  fields: (t) => ({
    id: t.id({
      description: "The UUID of the membership.",
      resolve: ({ membership }) => membership.id,
    }),
    identity: t.field({
      type: IdentityRef,
      description: "Who it is.",
      resolve: ({ identity }) => personOf(identity),
    }),
    role: t.field({
      type: enumOf(TenantRole),
      description: "What they may do in the tenant.",
      resolve: ({ membership }) => membership.role,
    }),
    since: t.field({
      type: "DateTime",
      description: "Since when they belong to it.",
      resolve: ({ membership }) => membership.createdAt,
    }),
    lastSignedInAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When they signed in last, to whichever tenant; null before the first time.",
      resolve: ({ identity }) => identity.lastSignedInAt ?? null,
    }),
    mail: t.expose("mail", MAIL),
  }),
});

const personOf = ({ id, email, name }: Identity) => ({ id, email, name: name ?? null });

builder.objectFields(TenantRef, (t) => ({
  invitations: t.field({
    type: [InvitationRef],
    nullable: true,
    extensions: { longest: MOST_LISTED },
    description:
      "The newest 100 invitations to it, the newest first; null for roles without `member:read`.",
    resolve: ({ id }, _args, { load, caller }) =>
      mayCall(caller, "member:read") ? load.invitations.load(id) : null,
  }),
  members: t.field({
    type: [MemberRef],
    nullable: true,
    extensions: { longest: MOST_LISTED },
    description:
      "The newest 100 people who belong to it, the newest first; null for roles without `member:read`.",
    resolve: ({ id }, _args, { load, caller }) =>
      mayCall(caller, "member:read") ? load.members.load(id) : null,
  }),
}));
