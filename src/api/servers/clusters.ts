import type { Cluster, ClusterNode, ClusterPlace } from "../../placement/cluster.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { DbServerRef, TenantRef } from "../refs.ts";
import { mayPlace } from "./placement.ts";

/** A fault names hosts and secrets. */
const faultFor = ({ fault }: Cluster, context: ApiContext): string | null =>
  fault === null || mayPlace(context) ? fault : "The cluster did not answer, or not in full";

const DbServerNode = builder.objectRef<ClusterNode>("DbServerNode").implement({
  description: "A node of a Citus cluster.",
  fields: (t) => ({
    host: t.string({
      nullable: true,
      description: "Its host, as the cluster knows it; null for roles that may not provision.",
      resolve: ({ host }, _args, context) => (mayPlace(context) ? host : null),
    }),
    port: t.int({
      nullable: true,
      description: "Its port; null for roles that may not provision.",
      resolve: ({ port }, _args, context) => (mayPlace(context) ? port : null),
    }),
    group: t.exposeInt("group", {
      description: "Citus's number of it, the same for as long as it is a node; 0 coordinates.",
    }),
    active: t.exposeBoolean("active", {
      description: "Whether the cluster counts on it. A node that is only down is still active.",
    }),
    takesTenants: t.exposeBoolean("takesTenants", {
      description: "Whether Citus places tenants on it; a coordinator often takes none.",
    }),
    tenants: t.exposeInt("tenants", {
      description: "How many tenants' schemas lie on it, whatever their status.",
    }),
    bytes: t.exposeFloat("bytes", {
      nullable: true,
      description: "What their tables and indexes take on disk; null while a node does not answer.",
    }),
  }),
});

const DbServerCluster = builder.objectRef<Cluster>("DbServerCluster").implement({
  description: "What a Citus cluster tells of itself at this moment.",
  fields: (t) => ({
    nodes: t.field({
      type: [DbServerNode],
      description: "Its nodes, the coordinator first; none while the cluster does not answer.",
      resolve: ({ nodes }) => [...nodes],
    }),
    fault: t.string({
      nullable: true,
      description:
        "Why it did not answer, or not in full, for people; null when all is told. It is waited for 4 seconds.",
      resolve: (cluster, _args, context) => faultFor(cluster, context),
    }),
  }),
});

interface Place {
  readonly cluster: Cluster;
  readonly place: ClusterPlace | undefined;
}

const TenantClusterPlace = builder.objectRef<Place>("TenantClusterPlace").implement({
  description: "Where in a Citus cluster a tenant lies at this moment. Citus may move it.",
  fields: (t) => ({
    node: t.field({
      type: DbServerNode,
      nullable: true,
      description:
        "The node that holds its tables; null while it has none, or while there is a fault.",
      resolve: ({ cluster, place }) =>
        cluster.nodes.find(({ group }) => group === place?.group) ?? null,
    }),
    bytes: t.float({
      nullable: true,
      description: "What its tables and indexes take on disk; null while a node does not answer.",
      resolve: ({ place }) => place?.bytes ?? null,
    }),
    fault: t.string({
      nullable: true,
      description: "Why the cluster did not answer, or not in full; null when all is told.",
      resolve: ({ cluster }, _args, context) => faultFor(cluster, context),
    }),
  }),
});

builder.objectField(DbServerRef, "cluster", (t) =>
  t.field({
    type: DbServerCluster,
    nullable: true,
    description:
      "Its nodes, where it is a Citus cluster; null for a server of kind POSTGRES. Asks the cluster itself, so ask for it only where you show it.",
    resolve: ({ id }, _args, { load }) => load.cluster.load(id),
  }),
);

builder.objectField(TenantRef, "clusterPlace", (t) =>
  t.field({
    type: TenantClusterPlace,
    nullable: true,
    description:
      "Its node and size, where its db server is a Citus cluster; null elsewhere, and for roles without `db-server:read`. Asks the cluster itself, once for all tenants of a request.",
    resolve: async ({ dbServerId, schemaName }, _args, { load, caller }) => {
      if (dbServerId === null || !mayCall(caller, "db-server:read")) return null;
      const cluster = await load.cluster.load(dbServerId);
      return cluster && { cluster, place: cluster.places.get(schemaName) };
    },
  }),
);
