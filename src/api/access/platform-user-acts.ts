import type { InputFieldMap } from "@pothos/core";
import type { Actor } from "../../iam/actor.ts";
import type { Action } from "../../iam/grants.ts";
import type { Role } from "../../iam/roles.ts";
import {
  disablePlatformUser,
  enablePlatformUser,
  resetPlatformUserPassword,
  setPlatformUserRole,
  signOutPlatformUser,
} from "../../iam/users/administer-users.ts";
import { createPlatformUser, type PlatformUserPorts } from "../../iam/users/platform-users.ts";
import type { UserView } from "../../iam/users/users.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { answer, resultOf, ValidationErrorRef } from "../errors.ts";
import { typeName } from "../generate/mutation.ts";
import { given } from "../given.ts";
import { PlatformUserRef } from "../refs.ts";
import { RoleRef } from "./platform-users.ts";

interface Changed {
  readonly user: UserView;
}

interface Shown extends Changed {
  readonly oneTimePassword: string | null;
}

type FieldBuilder = Parameters<Parameters<typeof builder.inputType>[1]["fields"]>[0];

interface UserMutation<Input> {
  /** The mutation's name; its input, payload and result are named after it. */
  readonly name: string;
  readonly description: string;
  /** What it is to be told: the input's description. */
  readonly input: string;
  readonly fields: (t: FieldBuilder) => InputFieldMap;
  /** Where it makes a one-time password: how that is described, and whether it can be missing. */
  readonly oneTimePassword?: { readonly description: string; readonly nullable: boolean };
  readonly act: (ports: PlatformUserPorts, actor: Actor, input: Input) => Promise<Changed | Shown>;
}

/** Adds a mutation for administrators that changes one platform user at once. */
function userMutation<Input>(mutation: UserMutation<Input>): void {
  const { name, description, input, fields, act } = mutation;
  const inputType = builder.inputType(typeName(name, "Input"), { description: input, fields });
  builder.mutationField(name, (t) =>
    t.field({
      type: resultOf<Changed>(typeName(name, "Result"), payloadOf(mutation), [ValidationErrorRef]),
      description: `${description} For administrators.`,
      authScopes: { action: "platform-user:write" },
      args: { input: t.arg({ type: inputType, required: true, description: input }) },
      resolve: (_root, args, context) =>
        answer(() =>
          act(...whoActs(context, "platform-user:write"), given(args.input as object) as Input),
        ),
    }),
  );
}

const payloadOf = ({
  name,
  oneTimePassword,
}: Pick<UserMutation<never>, "name" | "oneTimePassword">) =>
  builder.objectRef<Changed | Shown>(typeName(name, "Payload")).implement({
    description: "The platform user as it stands now.",
    fields: (t) => ({
      user: t.expose("user", {
        type: PlatformUserRef,
        description: "The platform user as it stands now.",
      }),
      ...(oneTimePassword === undefined
        ? {}
        : {
            oneTimePassword: t.string({
              description: oneTimePassword.description,
              // Pothos can only tell the types of a literal.
              nullable: oneTimePassword.nullable as true,
              resolve: (shown) => ("oneTimePassword" in shown ? shown.oneTimePassword : null),
            }),
          }),
    }),
  });

const whoActs = (
  { platform: { orm, clock }, caller }: ApiContext,
  action: Action,
): [PlatformUserPorts, Actor] => [{ em: orm.em, clock }, actorWith(caller, action)];

const ONE_TIME_PASSWORD = "Lets in for 72 hours, for `changePassword`. Shown now and never again.";

const userId = (t: FieldBuilder) => t.id({ required: true, description: "The user's UUID." });

userMutation<{ email: string; name: string; role: Role; password?: string }>({
  name: "createPlatformUser",
  description:
    "Creates a platform user. Hand the one-time password over; `changePassword` takes it and signs the user in.",
  input: "Who the user is, and what it may do.",
  oneTimePassword: {
    description: `${ONE_TIME_PASSWORD} Null where a password was given.`,
    nullable: true,
  },
  fields: (t) => ({
    email: t.string({ required: true, description: "The email address, of nobody else." }),
    name: t.string({ required: true, description: "The name, for people: 1 to 200 characters." }),
    role: t.field({ type: RoleRef, required: true, description: "What the user may do." }),
    password: t.string({
      description:
        "12 to 128 characters, not a known password, not built from the email address. Leave it out, and a one-time password is made.",
    }),
  }),
  act: createPlatformUser,
});

userMutation<{ userId: string; role: Role }>({
  name: "setPlatformUserRole",
  description:
    "Gives a platform user another role, from its next request on; sockets and event streams that it has open end within 5 seconds. Nobody demotes themselves (`E_OWN_ACCOUNT`) or the last administrator (`E_LAST_ADMINISTRATOR`).",
  input: "The user, and its new role.",
  fields: (t) => ({
    userId: userId(t),
    role: t.field({ type: RoleRef, required: true, description: "What it may do from now on." }),
  }),
  act: async (ports, actor, { userId: id, role }) => ({
    user: await setPlatformUserRole(ports, actor, { id }, role),
  }),
});

userMutation<{ userId: string; revokeServiceTokens: boolean }>({
  name: "disablePlatformUser",
  description:
    "Shuts a platform user out: its tokens stop working at once, its sockets and event streams end within 5 seconds, and it cannot sign in. Nobody disables themselves (`E_OWN_ACCOUNT`) or the last administrator (`E_LAST_ADMINISTRATOR`).",
  input: "The user to shut out.",
  fields: (t) => ({
    userId: userId(t),
    revokeServiceTokens: t.boolean({
      required: true,
      defaultValue: false,
      description:
        "Whether the service tokens that the user has made are revoked, too, with those that they have made; also of a user who is disabled already. Otherwise they live on: scripts do not stop with somebody's last day.",
    }),
  }),
  act: async (ports, actor, { userId: id, revokeServiceTokens }) => ({
    user: await disablePlatformUser(ports, actor, { id }, { revokeServiceTokens }),
  }),
});

userMutation<{ userId: string }>({
  name: "enablePlatformUser",
  description:
    "Lets a disabled platform user sign in again, with the role and the password it had.",
  input: "The user to let in again.",
  fields: (t) => ({ userId: userId(t) }),
  act: async (ports, actor, { userId: id }) => ({
    user: await enablePlatformUser(ports, actor, { id }),
  }),
});

userMutation<{ userId: string }>({
  name: "resetPlatformUserPassword",
  description:
    "Takes a platform user's password away, ends its sessions and makes a one-time password. For your own password there is `changePassword`: here it is `E_OWN_ACCOUNT`.",
  input: "The user who needs another password.",
  oneTimePassword: { description: ONE_TIME_PASSWORD, nullable: false },
  fields: (t) => ({ userId: userId(t) }),
  act: (ports, actor, { userId: id }) => resetPlatformUserPassword(ports, actor, { id }),
});

userMutation<{ userId: string }>({
  name: "signOutPlatformUser",
  description:
    "Signs a platform user out everywhere: access and refresh tokens stop working at once, sockets and event streams end within 5 seconds. The user may sign in again.",
  input: "The user to sign out.",
  fields: (t) => ({ userId: userId(t) }),
  act: async (ports, actor, { userId: id }) => ({
    user: await signOutPlatformUser(ports, actor, { id }),
  }),
});

const SignOutEverywhere = payloadOf({ name: "signOutEverywhere" });

builder.mutationField("signOutEverywhere", (t) =>
  t.field({
    type: resultOf<Changed>("SignOutEverywhereResult", SignOutEverywhere, []),
    description:
      "Ends all your sessions, this one too: access and refresh tokens stop working at once, sockets and event streams end within 5 seconds. A service token has none (`E_NO_SESSIONS`).",
    authScopes: { action: "me:sign-out" },
    resolve: (_root, _args, context) =>
      answer(async () => {
        const [ports, actor] = whoActs(context, "me:sign-out");
        if (actor.kind !== "USER") throw new DomainError("E_NO_SESSIONS");
        return { user: await signOutPlatformUser(ports, actor, { id: actor.id }) };
      }),
  }),
);
