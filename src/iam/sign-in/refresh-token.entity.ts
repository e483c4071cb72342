// Terminology
// refresh token  an opaque secret that is exchanged, once, for a new session; kept as a hash
// family         the tokens that follow one another from one sign-in

import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

export const RefreshTokenEntity = defineEntity({
  name: "RefreshToken",
  tableName: "refresh_token",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    family: p.uuid(),
    userId: p.uuid(),
    tokenHash: p.string().hidden(),
    expiresAt: p.datetime(),
    usedAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
    createdAt: p.datetime(),
  },
});
export type RefreshToken = InferEntity<typeof RefreshTokenEntity>;
