import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

export const TENANT_ROLES = ["OWNER", "ADMIN", "MEMBER"] as const;
export type TenantRole = (typeof TENANT_ROLES)[number];

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
