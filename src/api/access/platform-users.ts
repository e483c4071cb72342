import { countPlatformUsers, listPlatformUsers, UserFilter } from "../../iam/users/list-users.ts";
import type { PlatformUser } from "../../iam/users/platform-user.entity.ts";
import { UserView, viewOf } from "../../iam/users/user-view.ts";
import { findUser, type UserKey } from "../../iam/users/users.ts";
import { builder } from "../builder.ts";
import { connectionOf, pageArgs, readConnection } from "../connections.ts";
import { inputOf } from "../generate/inputs.ts";
import { objectOf } from "../generate/types.ts";
import { given } from "../given.ts";

const PlatformUserConnection = connectionOf<PlatformUser>(
  "PlatformUser",
  "platform users",
  objectOf(UserView),
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

const PlatformUserFilter = inputOf("PlatformUserFilter", UserFilter);

builder.queryFields((t) => ({
  platformUser: t.field({
    type: objectOf(UserView),
    nullable: true,
    description: "One platform user; null when there is none. For administrators.",
    authScopes: { action: "platform-user:read" },
    args: { by: t.arg({ type: PlatformUserBy, required: true, description: "Which one." }) },
    resolve: async (_root, { by }, { em }) => {
      const user = await findUser(em(), by as UserKey);
      return user && viewOf(user);
    },
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
      const wanted = given(filter ?? {});
      return readConnection(
        args,
        async (page) => {
          const found = await listPlatformUsers(em(), wanted, page);
          return { ...found, rows: found.rows.map((user) => ({ ...user, ...viewOf(user) })) };
        },
        () => countPlatformUsers(em(), wanted),
      );
    },
  }),
}));
