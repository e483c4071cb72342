import { defineEntity, p } from "@mikro-orm/core";

/** A key that a mutation was sent with, and what was answered; there is no row before the answer. */
export const IdempotencyKeyEntity = defineEntity({
  name: "IdempotencyKey",
  tableName: "idempotency_key",
  schema: "platform",
  properties: {
    actorKind: p.string().primary(),
    actorId: p.string().primary(),
    mutation: p.string().primary(),
    key: p.string().primary(),
    /** With `ciphertext`: the request's hash and the answer, encrypted as `cipher.ts` does. */
    nonce: p.blob().$type<Buffer>(),
    ciphertext: p.blob().$type<Buffer>(),
    madeAt: p.datetime(),
  },
});
