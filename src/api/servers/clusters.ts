import { type Cluster, ClusterPlace, ClusterView, placeIn } from "../../placement/cluster.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { objectOf } from "../generate/types.ts";
import { DbServerRef, TenantRef } from "../refs.ts";

/** A cluster as a caller may see it: a fault names hosts and secrets. */
async function clusterFor({ load, caller }: ApiContext, dbServerId: string) {
  const cluster: Cluster | null = await load.cluster.load(dbServerId);
  if (!cluster?.fault || mayCall(caller, "tenant:provision")) return cluster;
  return { ...cluster, fault: "The cluster did not answer, or not in full" };
}

builder.objectField(DbServerRef, "cluster", (t) =>
  t.field({
    type: objectOf(ClusterView),
    nullable: true,
    description:
      "Its nodes, where it is a Citus cluster; null for a server of kind POSTGRES. Asks the cluster itself, so ask for it only where you show it.",
    resolve: ({ id }, _args, context) => clusterFor(context, id),
  }),
);

builder.objectField(TenantRef, "clusterPlace", (t) =>
  t.field({
    type: objectOf(ClusterPlace),
    nullable: true,
    description:
      "Its node and size, where its db server is a Citus cluster; null elsewhere, and for roles without `db-server:read`. Asks the cluster itself, once for all tenants of a request.",
    resolve: async ({ dbServerId, schemaName }, _args, context) => {
      if (dbServerId === null || !mayCall(context.caller, "db-server:read")) return null;
      const cluster = await clusterFor(context, dbServerId);
      return cluster && placeIn(cluster, schemaName);
    },
  }),
);
