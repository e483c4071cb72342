import { defineEntity, p } from "@mikro-orm/core";

export const SecretVersionEntity = defineEntity({
  name: "SecretVersion",
  tableName: "secret_version",
  schema: "platform",
  properties: {
    name: p.string().primary(),
    version: p.string().primary(),
    nonce: p.blob().$type<Buffer>(),
    /** The encrypted value, followed by the 16 bytes of its authentication tag. */
    ciphertext: p.blob().$type<Buffer>(),
    tags: p.json().$type<Record<string, string>>(),
    /** Counts up over all secrets; the highest of a name is its newest version. */
    ordinal: p.bigint().defaultRaw("generated"),
    createdAt: p.datetime().defaultRaw("now()"),
  },
});
