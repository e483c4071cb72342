import type { Actor } from "../../iam/actor.ts";
import { type Action, GRANTS, isGranted } from "../../iam/grants.ts";
import { refreshSession, signOut } from "../../iam/sign-in/refresh-session.ts";
import type { Session } from "../../iam/sign-in/session.ts";
import { changePassword, signIn } from "../../iam/sign-in/sign-in.ts";
import { findUser } from "../../iam/users/users.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { describedEnum } from "../described-enum.ts";
import { answer, RateLimitedErrorRef, resultOf, ValidationErrorRef } from "../errors.ts";
import { PlatformUserRef } from "../refs.ts";
import { RoleRef } from "./platform-users.ts";

const ActorKind = describedEnum<Actor["kind"]>("ActorKind", "What kind of actor acts.", {
  USER: "A platform user.",
  SERVICE_TOKEN: "A script with a service token.",
  OS_USER: "Somebody at the machine, with the break-glass command.",
  SYSTEM: "Tenantry itself.",
});

/** Who started an operation, as its row keeps it. */
export const ActorRef = builder.objectRef<Pick<Actor, "kind" | "id" | "name">>("Actor").implement({
  description: "Who asked for something.",
  fields: (t) => ({
    kind: t.expose("kind", { type: ActorKind, description: "What kind of actor it is." }),
    id: t.exposeString("id", {
      description: "The id of the platform user or service token; for an OS user its login name.",
    }),
    name: t.exposeString("name", { description: "Who that is, for people." }),
  }),
});

const ViewerRef = builder.objectRef<Actor>("Viewer").implement({
  description: "The caller, as Tenantry sees it.",
  fields: (t) => ({
    actor: t.field({
      type: ActorRef,
      description: "The caller as operations and the audit trail name it.",
      resolve: (actor) => actor,
    }),
    role: t.expose("role", { type: RoleRef, description: "What the caller may do." }),
    grants: t.stringList({
      description:
        "Every action that the role is granted, such as `tenant:provision`: what a user interface may offer.",
      resolve: ({ role }) =>
        (Object.keys(GRANTS) as Action[]).filter((action) => isGranted(role, action)),
    }),
    user: t.field({
      type: PlatformUserRef,
      nullable: true,
      description: "The platform user; null for a caller of another kind.",
      resolve: ({ kind, id }, _args, { em }) => (kind === "USER" ? findUser(em(), { id }) : null),
    }),
  }),
});

const SessionRef = builder.objectRef<Session>("Session").implement({
  description: "What a signed-in platform user holds.",
  fields: (t) => ({
    accessToken: t.exposeString("accessToken", {
      description:
        "Goes into `Authorization: Bearer …`, and over WebSocket into `connectionParams.authorization`. Lasts 15 minutes.",
    }),
    accessTokenExpiresAt: t.expose("accessTokenExpiresAt", {
      type: "DateTime",
      description: "When the access token expires. Subscriptions that it opened end then.",
    }),
    refreshToken: t.exposeString("refreshToken", {
      description:
        "Works once, within 30 days, in `refreshSession`. Sending it twice ends the whole session.",
    }),
    user: t.expose("user", { type: PlatformUserRef, description: "Who has signed in." }),
  }),
});

const SignedOutRef = builder.objectRef<{ signedOut: true }>("SignOutPayload").implement({
  description: "The session has ended.",
  fields: (t) => ({
    signedOut: t.exposeBoolean("signedOut", {
      description: "Always true: an unknown or ended session is signed out, too.",
    }),
  }),
});

const SignInInput = builder.inputType("SignInInput", {
  description: "A platform user's credentials.",
  fields: (t) => ({
    email: t.string({ required: true, description: "The email address, in any case." }),
    password: t.string({ required: true, description: "The password." }),
  }),
});

const RefreshSessionInput = builder.inputType("RefreshSessionInput", {
  description: "The refresh token of the newest session.",
  fields: (t) => ({
    refreshToken: t.string({ required: true, description: "`Session.refreshToken`." }),
  }),
});

const SignOutInput = builder.inputType("SignOutInput", {
  description: "The session to end.",
  fields: (t) => ({
    refreshToken: t.string({ required: true, description: "`Session.refreshToken`." }),
  }),
});

const ChangePasswordInput = builder.inputType("ChangePasswordInput", {
  description: "A platform user's credentials, and the password to have instead.",
  fields: (t) => ({
    email: t.string({ required: true, description: "The email address, in any case." }),
    currentPassword: t.string({
      required: true,
      description: "The password or one-time password as it is now.",
    }),
    newPassword: t.string({
      required: true,
      description: "12 to 128 characters, not a known password, not built from the email address.",
    }),
  }),
});

const SignInResult = resultOf<Session>("SignInResult", SessionRef, [RateLimitedErrorRef]);
const RefreshSessionResult = resultOf<Session>("RefreshSessionResult", SessionRef, []);
const SignOutResult = resultOf<{ signedOut: true }>("SignOutResult", SignedOutRef, []);
const ChangePasswordResult = resultOf<Session>("ChangePasswordResult", SessionRef, [
  ValidationErrorRef,
  RateLimitedErrorRef,
]);

const sessionPorts = ({ platform: { orm, keys, clock } }: ApiContext) => ({
  em: orm.em,
  keys,
  clock,
});

builder.queryField("me", (t) =>
  t.field({
    type: ViewerRef,
    description: "Who you are, and what you may do.",
    authScopes: { action: "me:read" },
    resolve: (_root, _args, { caller }) => actorWith(caller, "me:read"),
  }),
);

builder.mutationFields((t) => ({
  signIn: t.field({
    type: SignInResult,
    description:
      "Signs a platform user in. A one-time password answers `E_PASSWORD_CHANGE_REQUIRED`: call `changePassword` with it. One sign-in a request.",
    authScopes: { anyone: true },
    args: { input: t.arg({ type: SignInInput, required: true, description: "Who signs in." }) },
    resolve: (_root, { input }, context) =>
      answer(() => signIn(sessionPorts(context), { ...input, address: context.address })),
  }),
  refreshSession: t.field({
    type: RefreshSessionResult,
    description: "Exchanges a refresh token for a new session.",
    authScopes: { anyone: true },
    args: {
      input: t.arg({ type: RefreshSessionInput, required: true, description: "The token." }),
    },
    resolve: (_root, { input }, context) =>
      answer(() => refreshSession(sessionPorts(context), { ...input, address: context.address })),
  }),
  signOut: t.field({
    type: SignOutResult,
    description:
      "Ends a session: its access and refresh tokens stop working at once, its sockets and event streams end within 5 seconds. `signOutEverywhere` ends the user's other sessions, too.",
    authScopes: { anyone: true },
    args: { input: t.arg({ type: SignOutInput, required: true, description: "The session." }) },
    resolve: (_root, { input }, context) =>
      answer(async () => {
        await signOut(sessionPorts(context), { ...input, address: context.address });
        return { signedOut: true as const };
      }),
  }),
  changePassword: t.field({
    type: ChangePasswordResult,
    description:
      "Changes a platform user's password and signs in with it: also the way out of a one-time password. Ends the user's other sessions, their access tokens at once.",
    authScopes: { anyone: true },
    args: {
      input: t.arg({ type: ChangePasswordInput, required: true, description: "The passwords." }),
    },
    resolve: (_root, { input }, context) =>
      answer(() => changePassword(sessionPorts(context), { ...input, address: context.address })),
  }),
}));
