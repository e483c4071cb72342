import type { ServiceToken } from "../../iam/tokens/service-token.entity.ts";
import {
  type CreatedServiceToken,
  countServiceTokens,
  createServiceToken,
  listServiceTokens,
  revokeServiceToken,
  stateOf,
} from "../../iam/tokens/service-tokens.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { connectionOf, pageArgs, readConnection } from "../connections.ts";
import { describedEnum } from "../described-enum.ts";
import { answer, resultOf, ValidationErrorRef } from "../errors.ts";
import { given } from "../given.ts";
import { ActorRef } from "./iam.ts";
import { RoleRef } from "./platform-users.ts";

const StateRef = describedEnum<ReturnType<typeof stateOf>>(
  "ServiceTokenState",
  "Whether a service token lets in.",
  {
    ACTIVE: "It lets in.",
    EXPIRED: "Its time has run out. It lets nobody in, and never will again.",
    REVOKED: "Somebody has revoked it. It lets nobody in, and never will again.",
  },
);

const ServiceTokenRef = builder.objectRef<ServiceToken>("ServiceToken").implement({
  description:
    "A script's way in: it is sent where a person's access token is sent, and may do what its role may. Its value was shown when it was created, and is kept nowhere.",
  fields: (t) => ({
    id: t.exposeID("id", { description: "The UUID of the token; not what lets in." }),
    name: t.exposeString("name", {
      description: "What it is for, as operations and the audit trail name it.",
    }),
    role: t.expose("role", { type: RoleRef, description: "What it may do." }),
    hint: t.exposeString("hint", {
      description: "How its value begins: tells which token it is that somebody has found.",
    }),
    state: t.field({
      type: StateRef,
      description: "Whether it lets in.",
      resolve: (token, _args, { platform }) => stateOf(token, platform.clock()),
    }),
    createdBy: t.field({
      type: ActorRef,
      description:
        "Who made it. It goes on letting in when that person has gone, and ends with a token that made it.",
      resolve: ({ createdByKind: kind, createdById: id, createdByName: name }) => ({
        ...{ kind, id, name },
      }),
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      description: "When it stops letting in by itself.",
    }),
    lastUsedAt: t.expose("lastUsedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was used last, to the minute; null when it never was.",
    }),
    revokedAt: t.expose("revokedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was revoked; null when it was not.",
    }),
  }),
});

const ServiceTokenConnection = connectionOf<ServiceToken>(
  "ServiceToken",
  "service tokens",
  ServiceTokenRef,
);

const ServiceTokenFilter = builder.inputType("ServiceTokenFilter", {
  description: "Which service tokens to list.",
  fields: (t) => ({
    active: t.boolean({
      description: "True for those that let in, false for those that do not any more.",
    }),
  }),
});

builder.queryField("serviceTokens", (t) =>
  t.field({
    type: ServiceTokenConnection,
    description: "The service tokens, the newest first. For administrators.",
    authScopes: { action: "service-token:read" },
    args: {
      ...pageArgs("service tokens"),
      filter: t.arg({
        type: ServiceTokenFilter,
        description: "Which service tokens; all when left out.",
      }),
    },
    resolve: (_root, { filter, ...args }, { em, platform }) => {
      const wanted = given(filter ?? {});
      const now = platform.clock();
      return readConnection(
        args,
        (page) => listServiceTokens(em(), wanted, now, page),
        () => countServiceTokens(em(), wanted, now),
      );
    },
  }),
);

const CreatePayload = builder
  .objectRef<CreatedServiceToken>("CreateServiceTokenPayload")
  .implement({
    description: "The new service token, with its value.",
    fields: (t) => ({
      serviceToken: t.expose("serviceToken", {
        type: ServiceTokenRef,
        description: "The token as it is kept.",
      }),
      value: t.exposeString("value", {
        description:
          "What lets in: `tnt_` and 49 letters and digits. Shown this once. Send it as `Authorization: Bearer tnt_…`, over WebSocket in `connectionParams.authorization`.",
      }),
    }),
  });

const CreateInput = builder.inputType("CreateServiceTokenInput", {
  description: "The service token to make.",
  fields: (t) => ({
    name: t.string({ required: true, description: "What it is for, 1 to 100 characters." }),
    role: t.field({
      type: RoleRef,
      required: true,
      description: "What it may do; no more than you may.",
    }),
    expiresInDays: t.int({
      description:
        "After how many days it stops letting in, 1 to 366; 90 when left out. A token that is made with a service token does not outlast that one.",
    }),
  }),
});

interface RevokePayload {
  readonly serviceToken: ServiceToken;
}

const RevokePayloadRef = builder.objectRef<RevokePayload>("RevokeServiceTokenPayload").implement({
  description: "The revoked token.",
  fields: (t) => ({
    serviceToken: t.expose("serviceToken", {
      type: ServiceTokenRef,
      description: "The token as it stands now.",
    }),
  }),
});

const RevokeInput = builder.inputType("RevokeServiceTokenInput", {
  description: "The service token to revoke.",
  fields: (t) => ({ id: t.id({ required: true, description: "The token's UUID." }) }),
});

builder.mutationFields((t) => ({
  createServiceToken: t.field({
    type: resultOf<CreatedServiceToken>("CreateServiceTokenResult", CreatePayload, [
      ValidationErrorRef,
    ]),
    description:
      "Makes a token for a script. Its value is in the answer, once. For administrators.",
    authScopes: { action: "service-token:write" },
    args: { input: t.arg({ type: CreateInput, required: true, description: "The token." }) },
    resolve: (_root, { input }, { platform: { orm, clock }, caller }) =>
      answer(() => {
        const actor = actorWith(caller, "service-token:write");
        return createServiceToken({ em: orm.em, clock }, actor, given(input));
      }),
  }),
  revokeServiceToken: t.field({
    type: resultOf<RevokePayload>("RevokeServiceTokenResult", RevokePayloadRef, []),
    description:
      "Revokes a service token, with the tokens that it has made and those that they have made: their next request is refused, and what they have open ends within 5 seconds. One that was revoked before stays as it is. For administrators.",
    authScopes: { action: "service-token:write" },
    args: { input: t.arg({ type: RevokeInput, required: true, description: "Which token." }) },
    resolve: (_root, { input }, { platform: { orm, clock }, caller }) =>
      answer(async () => {
        const actor = actorWith(caller, "service-token:write");
        return { serviceToken: await revokeServiceToken({ em: orm.em, clock }, actor, input.id) };
      }),
  }),
}));
