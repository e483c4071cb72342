import { isId } from "../../kernel/ids.ts";
import { freePlaces, loadOf } from "../../placement/choose-server.ts";
import { DbServerEntity } from "../../placement/db-server.entity.ts";
import { DbServerKind, DbServerStatus, DbServerTlsMode } from "../../placement/db-server-enums.ts";
import { dbServerVersion } from "../../placement/db-servers.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { enumOf } from "../generate/types.ts";
import { NodeRef } from "../node.ts";
import { DbServerRef } from "../refs.ts";

const DbServerLabel = builder
  .objectRef<{ readonly key: string; readonly value: string }>("DbServerLabel")
  .implement({
    description: "Something that operators note of a db server.",
    fields: (t) => ({
      key: t.exposeString("key", { description: "What is noted: `team`." }),
      value: t.exposeString("value", { description: "The note: `emea`." }),
    }),
  });

/** Addresses of servers are for those who may provision on them. */
const mayPlace = ({ caller }: ApiContext) => mayCall(caller, "tenant:provision");

DbServerRef.implement({
  description: "A PostgreSQL server that tenants can be placed on.",
  interfaces: [NodeRef],
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name: `dbServer` in an input." }),
    region: t.exposeString("region", { description: "The region it stands in." }),
    kind: t.expose("kind", {
      type: enumOf(DbServerKind),
      description: "What kind of PostgreSQL it is.",
    }),
    status: t.expose("status", {
      type: enumOf(DbServerStatus),
      description: "Whether it takes new tenants.",
    }),
    capacityHint: t.exposeInt("capacityHint", {
      description: "How many tenants it is meant to hold; placement goes no further.",
    }),
    tenantCount: t.int({
      description: "How many tenants it holds now, purged ones aside.",
      resolve: ({ id }, _args, { load }) => load.tenantCount.load(id),
    }),
    freeCapacity: t.int({
      description: "How many more tenants it is meant to hold, whatever its status.",
      resolve: async (server, _args, { load }) =>
        freePlaces(await load.tenantCount.load(server.id), server),
    }),
    load: t.float({
      description:
        "Its tenants against its capacity hint: 0 for an empty one, 1 for a full one. Placement takes the least loaded.",
      resolve: async (server, _args, { load }) =>
        loadOf(await load.tenantCount.load(server.id), server),
    }),
    tlsMode: t.expose("tlsMode", {
      type: enumOf(DbServerTlsMode),
      description: "How connections to it are encrypted.",
    }),
    labels: t.field({
      type: [DbServerLabel],
      description: "What operators note of it, by key.",
      resolve: ({ labels }) =>
        Object.entries(labels)
          .map(([key, value]) => ({ key, value }))
          .toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    }),
    tenantDatabase: t.exposeString("tenantDatabase", {
      description: "The database that holds the schemas of its tenants with isolation SCHEMA.",
    }),
    adminSecretRef: t.string({
      nullable: true,
      description:
        "The name of the secret with its admin's login; null for roles that may not provision.",
      resolve: ({ adminSecretRef }, _args, context) => (mayPlace(context) ? adminSecretRef : null),
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
    version: t.string({
      description:
        "The version of what `updateDbServer` changes: send it as `ifVersion`, and nobody else's change in between is lost. Opaque.",
      resolve: dbServerVersion,
    }),
    createdAt: t.expose("createdAt", {
      type: "DateTime",
      description: "When it was added.",
    }),
    updatedAt: t.expose("updatedAt", {
      type: "DateTime",
      description: "When it was last changed.",
    }),
  }),
});

const DbServerBy = builder.inputType("DbServerBy", {
  description: "Names one db server: by its name or by its id.",
  isOneOf: true,
  fields: (t) => ({
    name: t.string({ description: "Its name." }),
    id: t.id({ description: "Its UUID." }),
  }),
});

builder.queryField("dbServer", (t) =>
  t.field({
    type: DbServerRef,
    nullable: true,
    description: "One db server; null when there is none.",
    authScopes: { action: "db-server:read" },
    args: { by: t.arg({ type: DbServerBy, required: true, description: "Which one." }) },
    resolve: (_root, { by: { name, id } }, { em, load }) => {
      if (name != null) return em().findOne(DbServerEntity, { name });
      return isId(id ?? "") ? load.dbServer.load(id ?? "") : null;
    },
  }),
);

builder.queryField("dbServers", (t) =>
  t.field({
    type: [DbServerRef],
    description: "All db servers, by region and name.",
    authScopes: { action: "db-server:read" },
    resolve: (_root, _args, { em }) =>
      em().find(DbServerEntity, {}, { orderBy: { region: "asc", name: "asc" } }),
  }),
);
