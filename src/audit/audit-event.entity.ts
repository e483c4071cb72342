import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

export const AuditEventEntity = defineEntity({
  name: "AuditEvent",
  tableName: "audit_event",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    /** 1, 2, 3 … in the order of the commits; the database fills it, with the hashes, at the commit. */
    sequence: p.bigint().defaultRaw("null"),
    at: p.datetime().defaultRaw("now()"),
    type: p.string(),
    actorKind: p.string(),
    actorId: p.string(),
    actorName: p.string(),
    address: p.string().nullable(),
    tenantId: p.uuid().nullable(),
    tenantSlug: p.string().nullable(),
    operationId: p.uuid().nullable(),
    detail: p.json().$type<Record<string, unknown>>(),
    /** The hash of the row before this one; 64 zeros for the first. */
    prevHash: p.text().defaultRaw("null"),
    /** SHA-256 in hex over the row and `prevHash`, made by `platform.audit_hash`. */
    hash: p.text().defaultRaw("null"),
  },
});
export type AuditRow = InferEntity<typeof AuditEventEntity>;
