import { ListedInvitation, ListedMember, MOST_LISTED } from "../../invitations/people.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import { objectOf } from "../generate/types.ts";
import { TenantRef } from "../refs.ts";

builder.objectFields(TenantRef, (t) => ({
  invitations: t.field({
    type: [objectOf(ListedInvitation)],
    nullable: true,
    extensions: { longest: MOST_LISTED },
    description:
      "The newest 100 invitations to it, the newest first; null for roles without `member:read`.",
    resolve: ({ id }, _args, { load, caller }) =>
      mayCall(caller, "member:read") ? load.invitations.load(id) : null,
  }),
  members: t.field({
    type: [objectOf(ListedMember)],
    nullable: true,
    extensions: { longest: MOST_LISTED },
    description:
      "The newest 100 people who belong to it, the newest first; null for roles without `member:read`.",
    resolve: ({ id }, _args, { load, caller }) =>
      mayCall(caller, "member:read") ? load.members.load(id) : null,
  }),
}));
