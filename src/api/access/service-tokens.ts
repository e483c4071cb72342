import { z } from "zod";
import {
  countServiceTokens,
  findServiceToken,
  listServiceTokens,
  TokenFilter,
} from "../../iam/tokens/list-service-tokens.ts";
import { shownAt, TokenView } from "../../iam/tokens/service-token-view.ts";
import {
  CreatedToken,
  CreateTokenInput,
  createServiceToken,
  revokeServiceToken,
} from "../../iam/tokens/service-tokens.ts";
import { describedObject } from "../../kernel/described.ts";
import { isId } from "../../kernel/ids.ts";
import { builder } from "../builder.ts";
import { actorOf } from "../caller.ts";
import { connectionOf, pageArgs, readConnection } from "../connections.ts";
import type { ApiContext } from "../context.ts";
import { ValidationErrorRef } from "../errors.ts";
import { inputOf } from "../generate/inputs.ts";
import { addMutation } from "../generate/mutation.ts";
import { objectOf } from "../generate/types.ts";
import { given } from "../given.ts";
import { recalled } from "../idempotency.ts";

const ServiceTokenConnection = connectionOf("ServiceToken", "service tokens", objectOf(TokenView));

const ServiceTokenFilter = inputOf("ServiceTokenFilter", TokenFilter);

builder.queryField("serviceToken", (t) =>
  t.field({
    type: objectOf(TokenView),
    nullable: true,
    description: "One service token; null when there is none. For administrators.",
    authScopes: { action: "service-token:read" },
    args: { id: t.arg.id({ required: true, description: "The token's UUID." }) },
    resolve: async (_root, { id }, { load, platform }) => {
      const found = isId(id) ? await load.serviceToken.load(id) : null;
      return found && shownAt(found, platform.clock());
    },
  }),
);

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

const portsOf = ({ platform: { orm, clock } }: ApiContext) => ({ em: orm.em, clock });

addMutation({
  name: "createServiceToken",
  description: "Makes a token for a script. Its value is in the answer, once. For administrators.",
  grant: "service-token:write",
  input: CreateTokenInput,
  payload: objectOf(CreatedToken),
  errors: [ValidationErrorRef],
  once: {
    keep: ({ serviceToken: { id }, value }) => ({ id, value }),
    recall: async ({ id, value }: { id: string; value: string }, { em, platform }) => {
      const token = await findServiceToken(em(), id, platform.clock());
      return { serviceToken: recalled(token, "E_SERVICE_TOKEN_NOT_FOUND"), value };
    },
  },
  act: (request, context) => createServiceToken(portsOf(context), actorOf(context), request),
});

addMutation({
  name: "revokeServiceToken",
  description:
    "Revokes a service token, with the tokens that it has made and those that they have made: their next request is refused, and what they have open ends within 5 seconds. One that was revoked before stays as it is. For administrators.",
  grant: "service-token:write",
  input: z
    .object({ id: z.string().meta({ description: "The token's UUID.", isId: true }) })
    .meta({ description: "The service token to revoke.", argument: "Which token." }),
  payload: objectOf(
    describedObject("RevokeServiceTokenPayload", "The revoked token.", {
      serviceToken: TokenView.describe("The token as it stands now."),
    }),
  ),
  act: async ({ id }, context) => ({
    serviceToken: await revokeServiceToken(portsOf(context), actorOf(context), id),
  }),
});
