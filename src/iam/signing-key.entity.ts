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
    /** From then on it signs nothing; what it signed before stays valid until it expires. */
    retiredAt: p.datetime().nullable(),
  },
});
export type SigningKey = InferEntity<typeof SigningKeyEntity>;
