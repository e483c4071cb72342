// Terminology
// signs      from `signsFrom` until `retiredAt`: exactly one key of a purpose at any time
// verifies   from when it was made until `verifiesUntil`: verifiers know a key before it signs, and
//            for as long as anything that it signed is valid

import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { JWK } from "jose";

const KEY_PURPOSES = ["ACCESS", "INVITATION", "APP_PASSWORD"] as const;
export type KeyPurpose = (typeof KEY_PURPOSES)[number];

export const SigningKeyEntity = defineEntity({
  name: "SigningKey",
  tableName: "signing_key",
  schema: "platform",
  properties: {
    /** The key's id, which tokens name as `kid`. */
    id: p.string().primary(),
    purpose: p.enum(KEY_PURPOSES),
    /** Null for a symmetric key. */
    publicJwk: p.json().$type<JWK>().nullable(),
    /** Names the private half in the secret store. */
    secretName: p.string(),
    createdAt: p.datetime(),
    signsFrom: p.datetime(),
    /** From then on it signs nothing; null for the newest key. */
    retiredAt: p.datetime().strictNullable(),
    /** From then on nothing that it signed is accepted; null for the newest key. */
    verifiesUntil: p.datetime().strictNullable(),
    /** When the private half was removed from the secret store. */
    purgedAt: p.datetime().strictNullable(),
  },
});
export type SigningKey = InferEntity<typeof SigningKeyEntity>;
