import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

export const DB_SERVER_STATUSES = ["ACTIVE", "DRAINING", "INACTIVE"] as const;
export const DB_SERVER_KINDS = ["POSTGRES", "CITUS"] as const;
export const TLS_MODES = ["DISABLE", "REQUIRE", "VERIFY_FULL"] as const;

export const DbServerEntity = defineEntity({
  name: "DbServer",
  tableName: "db_server",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    name: p.string(),
    region: p.string(),
    host: p.string(),
    port: p.integer(),
    tlsMode: p.enum(TLS_MODES),
    kind: p.enum(DB_SERVER_KINDS),
    capacityHint: p.integer(),
    /** The name of the secret that holds the admin's connection URL; never the URL itself. */
    adminSecretRef: p.string(),
    /** The database that holds the schemas of tenants with isolation SCHEMA. */
    tenantDatabase: p.string(),
    status: p.enum(DB_SERVER_STATUSES),
    /** What operators note of it: `{ "team": "emea" }`. */
    labels: p.json().$type<Record<string, string>>(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});
export type DbServer = InferEntity<typeof DbServerEntity>;
