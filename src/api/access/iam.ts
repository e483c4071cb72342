import type { Actor } from "../../iam/actor.ts";
import { type Action, GRANTS, isGranted } from "../../iam/grants.ts";
import { Role } from "../../iam/roles.ts";
import {
  RefreshSessionInput,
  refreshSession,
  SignedOut,
  SignOutInput,
  signOut,
} from "../../iam/sign-in/refresh-session.ts";
import { Session } from "../../iam/sign-in/session.ts";
import {
  ChangePasswordInput,
  changePassword,
  SignInInput,
  signIn,
} from "../../iam/sign-in/sign-in.ts";
import { UserView, viewOf } from "../../iam/users/user-view.ts";
import { findUser } from "../../iam/users/users.ts";
import { ActorView } from "../../kernel/actor-view.ts";
import { builder } from "../builder.ts";
import { actorOf } from "../caller.ts";
import { RateLimitedErrorRef, ValidationErrorRef } from "../errors.ts";
import { enumOf, objectOf } from "../generate/types.ts";
import { addSessionMutation } from "./session-mutation.ts";

/** Who started an operation, as its row keeps it. */
export const ActorRef = objectOf(ActorView);

/** `tenant:provision` is `TENANT_PROVISION`: names of enum values have no colons. */
const grantName = (action: string): string => action.replaceAll(/[:-]/g, "_").toUpperCase();

const GrantRef = builder.enumType("Grant", {
  description:
    "What a role may be granted. Descriptions, docs and messages write `tenant:provision` for `TENANT_PROVISION`.",
  values: Object.fromEntries(
    (Object.entries(GRANTS) as [Action, readonly Role[]][]).map(([action, roles]) => [
      grantName(action),
      { value: action, description: `\`${action}\`, for ${roles.join(", ")}.` },
    ]),
  ) as Record<string, { value: Action; description: string }>,
});

const ViewerRef = builder.objectRef<Actor>("Viewer").implement({
  description: "The caller, as Tenantry sees it.",
  fields: (t) => ({
    actor: t.field({
      type: ActorRef,
      description: "The caller as operations and the audit trail name it.",
      resolve: (actor) => actor,
    }),
    role: t.expose("role", { type: enumOf(Role), description: "What the caller may do." }),
    grants: t.field({
      type: [GrantRef],
      description: "Everything that the role is granted: what a user interface may offer.",
      resolve: ({ role }) =>
        (Object.keys(GRANTS) as Action[]).filter((action) => isGranted(role, action)),
    }),
    user: t.field({
      type: objectOf(UserView),
      nullable: true,
      description: "The platform user; null for a caller of another kind.",
      resolve: async ({ kind, id }, _args, { em }) => {
        const user = kind === "USER" ? await findUser(em(), { id }) : null;
        return user && viewOf(user);
      },
    }),
  }),
});

builder.queryField("me", (t) =>
  t.field({
    type: ViewerRef,
    description: "Who you are, and what you may do.",
    authScopes: { action: "me:read" },
    resolve: (_root, _args, context) => actorOf(context),
  }),
);

addSessionMutation({
  name: "signIn",
  description:
    "Signs a platform user in. A one-time password answers `E_PASSWORD_CHANGE_REQUIRED`: call `changePassword` with it. One sign-in a request.",
  input: SignInInput,
  payload: objectOf(Session),
  errors: [RateLimitedErrorRef],
  act: signIn,
});

addSessionMutation({
  name: "refreshSession",
  description: "Exchanges a refresh token for a new session.",
  input: RefreshSessionInput,
  payload: objectOf(Session),
  act: refreshSession,
});

addSessionMutation({
  name: "signOut",
  description:
    "Ends a session: its access and refresh tokens stop working at once, its sockets and event streams end within 5 seconds. `signOutEverywhere` ends the user's other sessions, too.",
  input: SignOutInput,
  payload: objectOf(SignedOut),
  act: signOut,
});

addSessionMutation({
  name: "changePassword",
  description:
    "Changes a platform user's password and signs in with it: also the way out of a one-time password. Ends the user's other sessions, their access tokens at once.",
  input: ChangePasswordInput,
  payload: objectOf(Session),
  errors: [ValidationErrorRef, RateLimitedErrorRef],
  act: changePassword,
});
