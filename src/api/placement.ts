import { isGranted } from "../iam/grants.ts";
import type { DB_SERVER_KINDS, DB_SERVER_STATUSES } from "../placement/db-server.entity.ts";
import { DbServerEntity } from "../placement/db-server.entity.ts";
import { builder } from "./builder.ts";
import type { ApiContext } from "./context.ts";
import { describedEnum } from "./described-enum.ts";
import { NodeRef } from "./node.ts";
import { DbServerRef } from "./refs.ts";

const DbServerStatus = describedEnum<(typeof DB_SERVER_STATUSES)[number]>(
  "DbServerStatus",
  "Whether a db server takes new tenants.",
  {
    ACTIVE: "Takes new tenants.",
    DRAINING: "Keeps its tenants and takes no new ones.",
    INACTIVE: "Out of use.",
  },
);

const DbServerKind = describedEnum<(typeof DB_SERVER_KINDS)[number]>(
  "DbServerKind",
  "What kind of PostgreSQL a db server is.",
  {
    POSTGRES: "A single PostgreSQL server.",
    CITUS: "A Citus cluster, which places and moves tenant schemas between its nodes.",
  },
);

/** Addresses of servers are for those who may provision on them. */
const mayPlace = ({ caller }: ApiContext) =>
  caller !== null && isGranted(caller.actor.role, "tenant:provision");

DbServerRef.implement({
  description: "A PostgreSQL server that tenants can be placed on.",
  interfaces: [NodeRef],
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name: `dbServer` in an input." }),
    region: t.exposeString("region", { description: "The region it stands in." }),
    kind: t.expose("kind", { type: DbServerKind, description: "What kind of PostgreSQL it is." }),
    status: t.expose("status", {
      type: DbServerStatus,
      description: "Whether it takes new tenants.",
    }),
    capacityHint: t.exposeInt("capacityHint", {
      description: "How many tenants it is meant to hold; placement goes no further.",
    }),
    tenants: t.int({
      description: "How many tenants it holds now, purged ones aside.",
      resolve: ({ id }, _args, { load }) => load.tenantCount.load(id),
    }),
    host: t.string({
      nullable: true,
      description: "Its host; null for roles that may not provision.",
      resolve: ({ host }, _args, context) => (mayPlace(context) ? host : null),
    }),
    port: t.int({
      nullable: true,
      description: "Its port; null for roles that may not provision.",
      resolve: ({ port }, _args, context) => (mayPlace(context) ? port : null),
    }),
    createdAt: t.expose("createdAt", {
      type: "DateTime",
      description: "When it was added.",
    }),
  }),
});

builder.queryField("dbServers", (t) =>
  t.field({
    type: [DbServerRef],
    description: "All db servers, by region and name.",
    authScopes: { action: "db-server:read" },
    resolve: (_root, _args, { em }) =>
      em().find(DbServerEntity, {}, { orderBy: { region: "asc", name: "asc" } }),
  }),
);
