import type { ObjectRef } from "@pothos/core";
import { z } from "zod";
import type { Actor } from "../../iam/actor.ts";
import {
  DisableInput,
  disablePlatformUser,
  enablePlatformUser,
  resetPlatformUserPassword,
  SetRoleInput,
  setPlatformUserRole,
  signOutPlatformUser,
  userInput,
} from "../../iam/users/administer-users.ts";
import { NewUser } from "../../iam/users/new-user.ts";
import { createPlatformUser, type PlatformUserPorts } from "../../iam/users/platform-users.ts";
import { UserView, viewOf } from "../../iam/users/user-view.ts";
import { describedObject } from "../../kernel/described.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import type { BuilderTypes } from "../builder.ts";
import { actorOf } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { ValidationErrorRef } from "../errors.ts";
import { addMutation, type Request, typeName } from "../generate/mutation.ts";
import { objectOf } from "../generate/types.ts";
import { type Replay, recalled } from "../idempotency.ts";

const AS_IT_STANDS = "The platform user as it stands now.";

const PlatformUserPayload = describedObject(
  "PlatformUserPayload",
  "What every mutation answers that changes a platform user: one fragment serves all of them.",
  { user: UserView.describe(AS_IT_STANDS) },
);

interface UserPayload {
  readonly user: UserView;
  readonly oneTimePassword?: string | null;
}

/** Adds a payload with the user to the schema, and with `more`. */
const payloadOf = (mutation: string, more: z.ZodRawShape): ObjectRef<BuilderTypes, UserPayload> => {
  const shape = { ...PlatformUserPayload.shape, ...more };
  const payload = describedObject(typeName(mutation, "Payload"), AS_IT_STANDS, shape);
  return objectOf(payload.meta({ implements: PlatformUserPayload })) as never;
};

const USER_AGAIN: Replay<UserPayload> = {
  keep: ({ user: { id }, oneTimePassword = null }) => ({ id, oneTimePassword }),
  recall: async (
    { id, oneTimePassword }: { id: string; oneTimePassword: string | null },
    { load },
  ) => ({
    user: viewOf(recalled(await load.platformUser.load(id), "E_PLATFORM_USER_NOT_FOUND")),
    oneTimePassword,
  }),
};

interface UserMutation<Input extends z.ZodObject> {
  readonly name: string;
  readonly description: string;
  readonly input: Input;
  /** What it answers beside the user. */
  readonly more?: z.ZodRawShape;
  /** Whether it takes an idempotency key. */
  readonly once?: true;
  act(ports: PlatformUserPorts, actor: Actor, request: Request<Input>): Promise<UserPayload>;
}

/** Adds a mutation for administrators that changes one platform user at once. */
function addUserMutation<Input extends z.ZodObject>(mutation: UserMutation<Input>): void {
  const { name, description, input, more = {}, once, act } = mutation;
  addMutation<UserPayload, Input>({
    name,
    description: `${description} For administrators.`,
    input,
    grant: "platform-user:write",
    payload: payloadOf(name, more),
    errors: [ValidationErrorRef],
    ...(once ? { once: USER_AGAIN } : {}),
    act: (request, context) => act(portsOf(context), actorOf(context), request),
  });
}

const portsOf = ({ platform: { orm, clock } }: ApiContext): PlatformUserPorts => ({
  em: orm.em,
  clock,
});

const ONE_TIME_PASSWORD =
  "Lets in for 72 hours, for `changePassword`. Shown now, and again only to the same `idempotencyKey`.";

addUserMutation({
  name: "createPlatformUser",
  description:
    "Creates a platform user. Hand the one-time password over; `changePassword` takes it and signs the user in.",
  input: NewUser,
  more: {
    oneTimePassword: z
      .string()
      .nullable()
      .describe(`${ONE_TIME_PASSWORD} Null where a password was given.`),
  },
  once: true,
  act: createPlatformUser,
});

addUserMutation({
  name: "setPlatformUserRole",
  description:
    "Gives a platform user another role, from its next request on; sockets and event streams that it has open end within 5 seconds. Nobody demotes themselves (`E_OWN_ACCOUNT`) or the last administrator (`E_LAST_ADMINISTRATOR`).",
  input: SetRoleInput,
  act: async (ports, actor, { userId: id, role, ifVersion }) => ({
    user: await setPlatformUserRole(ports, actor, { id }, role, ifVersion),
  }),
});

addUserMutation({
  name: "disablePlatformUser",
  description:
    "Shuts a platform user out: its tokens stop working at once, its sockets and event streams end within 5 seconds, and it cannot sign in. Nobody disables themselves (`E_OWN_ACCOUNT`) or the last administrator (`E_LAST_ADMINISTRATOR`).",
  input: DisableInput,
  act: async (ports, actor, { userId: id, ...more }) => ({
    user: await disablePlatformUser(ports, actor, { id }, more),
  }),
});

addUserMutation({
  name: "enablePlatformUser",
  description:
    "Lets a disabled platform user sign in again, with the role and the password it had.",
  input: userInput("The user to let in again."),
  act: async (ports, actor, { userId: id }) => ({
    user: await enablePlatformUser(ports, actor, { id }),
  }),
});

addUserMutation({
  name: "resetPlatformUserPassword",
  description:
    "Takes a platform user's password away, ends its sessions and makes a one-time password. For your own password there is `changePassword`: here it is `E_OWN_ACCOUNT`.",
  input: userInput("The user who needs another password."),
  more: { oneTimePassword: z.string().describe(ONE_TIME_PASSWORD) },
  once: true,
  act: (ports, actor, { userId: id }) => resetPlatformUserPassword(ports, actor, { id }),
});

addUserMutation({
  name: "signOutPlatformUser",
  description:
    "Signs a platform user out everywhere: access and refresh tokens stop working at once, sockets and event streams end within 5 seconds. The user may sign in again.",
  input: userInput("The user to sign out."),
  act: async (ports, actor, { userId: id }) => ({
    user: await signOutPlatformUser(ports, actor, { id }),
  }),
});

addMutation({
  name: "signOutEverywhere",
  description:
    "Ends all your sessions, this one too: access and refresh tokens stop working at once, sockets and event streams end within 5 seconds. A service token has none (`E_NO_SESSIONS`).",
  grant: "me:sign-out",
  payload: payloadOf("signOutEverywhere", {}),
  act: async (_request, context) => {
    const actor = actorOf(context);
    if (actor.kind !== "USER") throw new DomainError("E_NO_SESSIONS");
    return { user: await signOutPlatformUser(portsOf(context), actor, { id: actor.id }) };
  },
});
