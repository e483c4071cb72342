import { RotateInput, Rotation, rotateSigningKey } from "../../iam/tokens/rotate-signing-key.ts";
import { KeyView, listSigningKeys } from "../../iam/tokens/signing-key-view.ts";
import { builder } from "../builder.ts";
import { actorOf } from "../caller.ts";
import { ValidationErrorRef } from "../errors.ts";
import { addMutation } from "../generate/mutation.ts";
import { objectOf } from "../generate/types.ts";
import { recalled } from "../idempotency.ts";

builder.queryField("signingKeys", (t) =>
  t.field({
    type: [objectOf(KeyView)],
    description: "Every key that has signed access tokens, the newest first. For administrators.",
    authScopes: { action: "signing-key:read" },
    resolve: (_root, _args, { em, platform }) => listSigningKeys(em(), platform.clock()),
  }),
);

addMutation({
  name: "rotateSigningKey",
  description:
    "Makes a new key for access tokens: published at once, signing five minutes later. The key before it verifies until the last token that it signed has expired. Nobody is signed out. For administrators.",
  grant: "signing-key:write",
  input: RotateInput,
  payload: objectOf(Rotation),
  errors: [ValidationErrorRef],
  once: {
    keep: ({ key: { id }, begun }) => ({ id, begun }),
    recall: async ({ id, begun }: { id: string; begun: boolean }, { em, platform }) => {
      const keys = await listSigningKeys(em(), platform.clock());
      return {
        key: recalled(
          keys.find((key) => key.id === id),
          "E_INTERNAL",
        ),
        begun,
      };
    },
    // For the secret store.
    slow: true,
  },
  act: (request, context) => {
    const { orm, secrets, clock } = context.platform;
    return rotateSigningKey({ em: orm.em, secrets, clock }, actorOf(context), request);
  },
});
