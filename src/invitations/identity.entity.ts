// Terminology
// identity           a person on the tenants' side: global, found by email, one password everywhere
// membership         that an identity belongs to a tenant, in a role
// invitation         how somebody without a password gets in: by a link, or by a one-time password
// one-time password  lets in until it is changed, which must come first
// reset              a link by which somebody who forgot the password chooses another

import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { z } from "zod";
import { type Described, describedObject } from "../kernel/described.ts";

export const IdentityEntity = defineEntity({
  name: "Identity",
  tableName: "identity",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    /** In lower case: emails are compared without their case. */
    email: p.string(),
    name: p.string().strictNullable(),
    /** Null until an invitation was accepted. */
    passwordHash: p.string().nullable().hidden(),
    mustChangePassword: p.boolean(),
    /** Until when a one-time password lets in; null for a password that its owner chose. */
    oneTimePasswordExpiresAt: p.datetime().nullable(),
    /** SHA-256 of the token of the newest link for a new password; null once that is used or replaced. */
    resetTokenHash: p.string().nullable().hidden(),
    resetExpiresAt: p.datetime().nullable(),
    /** The tenant whose user asked for that link, and is signed in to by it. */
    resetTenantId: p.uuid().nullable(),
    lastSignedInAt: p.datetime().strictNullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});
export type Identity = InferEntity<typeof IdentityEntity>;

/** An identity as the API shows it. */
export const Person = describedObject(
  "Identity",
  "A person who uses tenants, one for each email over all tenants.",
  {
    id: z.uuid().describe("The UUID of the identity."),
    email: z.string().describe("The email address, in lower case."),
    name: z.string().nullable().describe("The name, for people; null when it is not known."),
  },
).meta({ isNode: true });
export type Person = Described<typeof Person>;
