import type { Role } from "../../iam/roles.ts";
import {
  countPlatformUsers,
  type UserFilter as Filter,
  listPlatformUsers,
} from "../../iam/users/list-users.ts";
import type { PlatformUser } from "../../iam/users/platform-user.entity.ts";
import { findUser, type UserKey } from "../../iam/users/users.ts";
import { builder } from "../builder.ts";
import { connectionOf, pageArgs, readConnection } from "../connections.ts";
import { describedEnum } from "../described-enum.ts";
import { given } from "../given.ts";
import { NodeRef } from "../node.ts";
import { PlatformUserRef } from "../refs.ts";

export const RoleRef = describedEnum<Role>(
  "Role",
  "What a platform user or a service token may do.",
  {
    ADMINISTRATOR: "Everything, also what needs a reason.",
    PROVISIONER: "Provisions, migrates and retires tenants.",
    SUPPORT: "Looks at everything, retries and cancels operations.",
    BILLING: "Looks at tenants and their plans.",
    READONLY: "Looks, and changes nothing.",
  },
);

PlatformUserRef.implement({
  description: "Somebody who works with Tenantry itself, as opposed to the users of a tenant.",
  interfaces: [NodeRef],
  fields: (t) => ({
    email: t.exposeString("email", {
      description:
        "The email address, in lower case; for a user of single sign-on whose issuer tells none, the name that it has there.",
    }),
    name: t.exposeString("name", { description: "The name, for people." }),
    role: t.expose("role", { type: RoleRef, description: "What the user may do." }),
    issuer: t.exposeString("issuer", {
      nullable: true,
      description:
        "The external issuer that vouches for the user (single sign-on): email, name and role follow its tokens. Null for a user who signs in here.",
    }),
    disabledAt: t.expose("disabledAt", {
      type: "DateTime",
      nullable: true,
      description: "Since when the user cannot sign in any more; null when it can.",
    }),
    mustChangePassword: t.exposeBoolean("mustChangePassword", {
      description:
        "Whether the user has a one-time password: nothing works until it has called `changePassword`.",
    }),
    oneTimePasswordExpiresAt: t.expose("oneTimePasswordExpiresAt", {
      type: "DateTime",
      nullable: true,
      description: "Until when the one-time password lets in; null when there is none.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was created." }),
    updatedAt: t.expose("updatedAt", {
      type: "DateTime",
      description: "When its role, its password or its access changed last.",
    }),
  }),
});

const PlatformUserConnection = connectionOf<PlatformUser>(
  "PlatformUser",
  "platform users",
  PlatformUserRef,
);

const PlatformUserBy = builder.inputType("PlatformUserBy", {
  description: "Names one platform user: by its email or by its id.",
  isOneOf: true,
  fields: (t) => ({
    email: t.string({
      description: "Its email address, in any case. Users of single sign-on are named by id.",
    }),
    id: t.id({ description: "Its UUID." }),
  }),
});

const PlatformUserFilter = builder.inputType("PlatformUserFilter", {
  description: "Which platform users to list. What is left out does not matter.",
  fields: (t) => ({
    role: t.field({ type: RoleRef, description: "Those with this role." }),
    disabled: t.boolean({
      description: "Those who are disabled (true), or those who are not (false).",
    }),
    text: t.string({ description: "Those with this text in their email or name, in any case." }),
  }),
});

builder.queryFields((t) => ({
  platformUser: t.field({
    type: PlatformUserRef,
    nullable: true,
    description: "One platform user; null when there is none. For administrators.",
    authScopes: { action: "platform-user:read" },
    args: { by: t.arg({ type: PlatformUserBy, required: true, description: "Which one." }) },
    resolve: (_root, { by }, { em }) => findUser(em(), by as UserKey),
  }),
  platformUsers: t.field({
    type: PlatformUserConnection,
    description: "All platform users, the newest first. For administrators.",
    authScopes: { action: "platform-user:read" },
    args: {
      filter: t.arg({ type: PlatformUserFilter, description: "Which users; all when left out." }),
      ...pageArgs("platform users"),
    },
    resolve: (_root, { filter, ...args }, { em }) => {
      const wanted: Filter = given(filter ?? {});
      return readConnection(
        args,
        (page) => listPlatformUsers(em(), wanted, page),
        () => countPlatformUsers(em(), wanted),
      );
    },
  }),
}));
