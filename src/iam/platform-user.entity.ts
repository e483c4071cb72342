import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { ROLES } from "./roles.ts";

export const PlatformUserEntity = defineEntity({
  name: "PlatformUser",
  tableName: "platform_user",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    /** In lower case: emails are compared without their case. */
    email: p.string(),
    name: p.string(),
    role: p.enum(ROLES),
    passwordHash: p.string().hidden(),
    mustChangePassword: p.boolean(),
    /** Until when a one-time password lets in; null for a password that its owner chose. */
    oneTimePasswordExpiresAt: p.datetime().nullable(),
    disabledAt: p.datetime().nullable(),
    /** Access tokens issued before have ended; null while none has. Always a whole second. */
    tokensValidFrom: p.datetime().nullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});
export type PlatformUser = InferEntity<typeof PlatformUserEntity>;
