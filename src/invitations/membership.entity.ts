import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { z } from "zod";
import { describedEnum } from "../kernel/described.ts";

export const TenantRole = describedEnum(
  "TenantRole",
  "What a user may do inside a tenant; its application decides what that means.",
  {
    OWNER: "The first administrator, who answers for the tenant.",
    ADMIN: "Administers the tenant.",
    MEMBER: "Works in the tenant.",
  },
);
export type TenantRole = z.infer<typeof TenantRole>;
export const TENANT_ROLES = TenantRole.options;

export const MembershipEntity = defineEntity({
  name: "Membership",
  tableName: "membership",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    identityId: p.uuid(),
    tenantId: p.uuid(),
    role: p.enum(TENANT_ROLES),
    /** The operation that made it, so that its undo removes nothing else; null for any other way. */
    operationId: p.uuid().nullable(),
    createdAt: p.datetime(),
  },
});
export type Membership = InferEntity<typeof MembershipEntity>;
