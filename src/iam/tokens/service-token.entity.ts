import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { Actor } from "../actor.ts";
import { ROLES } from "../roles.ts";

export const ServiceTokenEntity = defineEntity({
  name: "ServiceToken",
  tableName: "service_token",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    name: p.string(),
    role: p.enum(ROLES),
    tokenHash: p.string().hidden(),
    /** How the token begins: tells which one it is that somebody has found. */
    hint: p.string(),
    createdByKind: p.string().$type<Actor["kind"]>(),
    createdById: p.string(),
    createdByName: p.string(),
    createdAt: p.datetime(),
    expiresAt: p.datetime(),
    /** To the minute. */
    lastUsedAt: p.datetime().strictNullable(),
    revokedAt: p.datetime().strictNullable(),
  },
});
export type ServiceToken = InferEntity<typeof ServiceTokenEntity>;
