import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { ROLES } from "../roles.ts";

export const PlatformUserEntity = defineEntity({
  name: "PlatformUser",
  tableName: "platform_user",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    /**
     * In lower case: emails are compared without their case. Unique among users with a password; what an
     * external issuer says instead, where it says no email.
     */
    email: p.string(),
    name: p.string(),
    role: p.enum(ROLES),
    /** Null for users of an external issuer, who cannot sign in with a password. */
    passwordHash: p.string().nullable().hidden(),
    mustChangePassword: p.boolean(),
    /** Until when a one-time password lets in; null for a password that its owner chose. */
    oneTimePasswordExpiresAt: p.datetime().strictNullable(),
    /** The external issuer that vouches for the user, and the name it has there; null for our own users. */
    issuer: p.string().strictNullable(),
    subject: p.string().nullable(),
    /** When the newest token of an external user was issued: email, name and role are as it said. */
    tokenIssuedAt: p.datetime().nullable(),
    /** Hashes of the tokens that were issued in that same second, in the order they came here. */
    tokensOfSecond: p.array().default([]),
    /** Set while the newest token of an external user grants no role. */
    roleWithdrawnAt: p.datetime().nullable(),
    disabledAt: p.datetime().strictNullable(),
    /** Access tokens issued before have ended; null while none has. Always a whole second. */
    tokensValidFrom: p.datetime().nullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});
export type PlatformUser = InferEntity<typeof PlatformUserEntity>;
