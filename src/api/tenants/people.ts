import { InvitationEntity } from "../../invitations/invitation.entity.ts";
import { MembershipEntity } from "../../invitations/membership.entity.ts";
import {
  ListedInvitation,
  ListedMember,
  pageOfInvitations,
  pageOfMembers,
} from "../../invitations/people.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import { connectionOf, pageArgs, readConnection } from "../connections.ts";
import { objectOf } from "../generate/types.ts";
import { TenantRef } from "../refs.ts";
import { peoplePortsOf } from "./people-ports.ts";

const InvitationConnection = connectionOf<ListedInvitation>(
  "TenantInvitation",
  "invitations",
  objectOf(ListedInvitation),
);
const MemberConnection = connectionOf<ListedMember>(
  "TenantMember",
  "members",
  objectOf(ListedMember),
);

builder.objectFields(TenantRef, (t) => ({
  invitations: t.field({
    type: InvitationConnection,
    nullable: true,
    description: "The invitations to it, the newest first; null for roles without `member:read`.",
    args: pageArgs("invitations"),
    resolve: ({ id }, args, context) =>
      mayCall(context.caller, "member:read")
        ? readConnection(
            args,
            (page) => pageOfInvitations(peoplePortsOf(context), id, page),
            () => context.em().count(InvitationEntity, { tenantId: id }),
          )
        : null,
  }),
  members: t.field({
    type: MemberConnection,
    nullable: true,
    description:
      "The people who belong to it, the newest first; null for roles without `member:read`.",
    args: pageArgs("members"),
    resolve: ({ id }, args, context) =>
      mayCall(context.caller, "member:read")
        ? readConnection(
            args,
            (page) => pageOfMembers(peoplePortsOf(context), id, page),
            () => context.em().count(MembershipEntity, { tenantId: id }),
          )
        : null,
  }),
}));
