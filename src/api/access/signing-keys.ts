import {
  keyStateAt,
  listSigningKeys,
  type Rotation,
  rotateSigningKey,
} from "../../iam/tokens/rotate-signing-key.ts";
import type { SigningKey } from "../../iam/tokens/signing-key.entity.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { describedEnum } from "../described-enum.ts";
import { answer, resultOf, ValidationErrorRef } from "../errors.ts";
import { given } from "../given.ts";

const StateRef = describedEnum<ReturnType<typeof keyStateAt>>(
  "SigningKeyState",
  "What a signing key does.",
  {
    PUBLISHED: "It is in the JWKS and signs nothing yet, so that verifiers know it when it does.",
    SIGNING: "It signs new access tokens.",
    VERIFYING: "It signs nothing any more; what it has signed is valid until it expires.",
    RETIRED: "Nothing that it signed is accepted.",
  },
);

const SigningKeyRef = builder.objectRef<SigningKey>("SigningKey").implement({
  description:
    "A key that access tokens are signed with. Its public half is in `/.well-known/jwks.json` until it is retired.",
  fields: (t) => ({
    id: t.exposeID("id", { description: "What tokens name as `kid`." }),
    state: t.field({
      type: StateRef,
      description: "What it does at this moment.",
      resolve: (key, _args, { platform }) => keyStateAt(key, platform.clock()),
    }),
    createdAt: t.expose("createdAt", {
      type: "DateTime",
      description: "When it was made and published.",
    }),
    signsFrom: t.expose("signsFrom", {
      type: "DateTime",
      description: "From when on it signs.",
    }),
    signsUntil: t.expose("retiredAt", {
      type: "DateTime",
      nullable: true,
      description: "From when on it signs nothing; null for the newest key.",
    }),
    verifiesUntil: t.expose("verifiesUntil", {
      type: "DateTime",
      nullable: true,
      description: "From when on nothing that it signed is accepted; null for the newest key.",
    }),
    purgedAt: t.expose("purgedAt", {
      type: "DateTime",
      nullable: true,
      description: "When its private half was removed from the secret store; null until then.",
    }),
  }),
});

builder.queryField("signingKeys", (t) =>
  t.field({
    type: [SigningKeyRef],
    description: "Every key that has signed access tokens, the newest first. For administrators.",
    authScopes: { action: "signing-key:read" },
    resolve: (_root, _args, { em }) => listSigningKeys(em()),
  }),
);

const PayloadRef = builder.objectRef<Rotation>("RotateSigningKeyPayload").implement({
  description: "The key that signs from its `signsFrom` on.",
  fields: (t) => ({
    key: t.expose("key", { type: SigningKeyRef, description: "The newest key." }),
    begun: t.exposeBoolean("begun", {
      description: "False where a rotation was under way already, and nothing was done.",
    }),
  }),
});

const RotateInput = builder.inputType("RotateSigningKeyInput", {
  description: "How to rotate.",
  fields: (t) => ({
    immediately: t.boolean({
      defaultValue: false,
      description:
        "Drops every key before it at once, with all access tokens: for a key that somebody has taken. Whoever is signed in refreshes the session.",
    }),
    reason: t.string({
      description: "Why, 1 to 500 characters, for the audit trail; needed with `immediately`.",
    }),
  }),
});

builder.mutationField("rotateSigningKey", (t) =>
  t.field({
    type: resultOf<Rotation>("RotateSigningKeyResult", PayloadRef, [ValidationErrorRef]),
    description:
      "Makes a new key for access tokens: published at once, signing five minutes later. The key before it verifies until the last token that it signed has expired. Nobody is signed out. For administrators.",
    authScopes: { action: "signing-key:write" },
    args: { input: t.arg({ type: RotateInput, required: true, description: "How to rotate." }) },
    resolve: (_root, { input }, { platform: { orm, secrets, clock }, caller }) =>
      answer(() => {
        const actor = actorWith(caller, "signing-key:write");
        return rotateSigningKey({ em: orm.em, secrets, clock }, actor, given(input));
      }),
  }),
);
