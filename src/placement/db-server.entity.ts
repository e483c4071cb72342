import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { DbServerKind, DbServerStatus, DbServerTlsMode } from "./db-server-enums.ts";

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
    tlsMode: p.enum(DbServerTlsMode.options),
    kind: p.enum(DbServerKind.options),
    capacityHint: p.integer(),
    /** The name of the secret that holds the admin's connection URL; never the URL itself. */
    adminSecretRef: p.string(),
    /** The database that holds the schemas of tenants with isolation SCHEMA. */
    tenantDatabase: p.string(),
    status: p.enum(DbServerStatus.options),
    /** What operators note of it: `{ "team": "emea" }`. */
    labels: p.json().$type<Record<string, string>>(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
});
export type DbServer = InferEntity<typeof DbServerEntity>;
