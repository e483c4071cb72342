// Terminology
// tenant     one customer: a row here, found by slug or id
// isolation  where its schema lies: in the shared tenant database, or in a database of its own
// placement  the db server that was chosen for it
// version    the id of the last migration applied to its schema, kept here so that a list over
//            thousands of tenants touches no tenant schema

import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { LabelMap } from "./labels.ts";
import { TENANT_STATUSES } from "./lifecycle.ts";
import { ISOLATIONS } from "./names.ts";
import { TIERS } from "./tiers.ts";

export const TenantEntity = defineEntity({
  name: "Tenant",
  tableName: "tenant",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    slug: p.string(),
    name: p.string(),
    status: p.enum(TENANT_STATUSES),
    isolation: p.enum(ISOLATIONS),
    dbServerId: p.uuid().strictNullable(),
    databaseName: p.string().strictNullable(),
    schemaName: p.string(),
    ownerRole: p.string(),
    /** The one of the two app roles that the secret leads to. */
    appRole: p.string(),
    secretName: p.string(),
    /** The version of the secret that is current: what is newer came late. Null where none is noted. */
    secretVersion: p.string().strictNullable(),
    schemaVersion: p.string().strictNullable(),
    migrationsApplied: p.integer().default(0),
    /** The seed sets that it was given; a tenant is ready only while they are there. */
    seedSets: p.array().default([]),
    adminEmail: p.string().nullable(),
    region: p.string().strictNullable(),
    vertical: p.string().strictNullable(),
    states: p.array().default([]),
    tier: p.enum(TIERS),
    labels: p.json().$type<LabelMap>(),
    /** Limits of its own; null where its tier's hold. */
    connectionLimit: p.integer().strictNullable(),
    statementTimeoutSeconds: p.integer().strictNullable(),
    idleInTransactionTimeoutSeconds: p.integer().strictNullable(),
    timeZone: p.string(),
    supportEmail: p.string().strictNullable(),
    supportPhone: p.string().strictNullable(),
    requestedBy: p.string().strictNullable(),
    failureCode: p.string().strictNullable(),
    failureMessage: p.text().strictNullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    activatedAt: p.datetime().strictNullable(),
    /** The status that a restored tenant goes back to; set while it is OFFBOARDED. */
    offboardedFrom: p.enum(["ACTIVE", "SUSPENDED"] as const).strictNullable(),
    /** The end of the retention window; set while it is OFFBOARDED. */
    purgeAfter: p.datetime().strictNullable(),
    /** Locked against deletion since then, and why. */
    lockedAt: p.datetime().strictNullable(),
    lockReason: p.text().strictNullable(),
    credentialsRotatedAt: p.datetime().strictNullable(),
    /** The app role before the last rotation, and when it closes; set while its login is open. */
    retiringRole: p.string().strictNullable(),
    retiringUntil: p.datetime().strictNullable(),
  },
});
export type Tenant = InferEntity<typeof TenantEntity>;
