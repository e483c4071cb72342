import type { Candidate } from "../../placement/choose-server.ts";
import type { Cluster } from "../../placement/cluster.ts";
import type { Platform } from "../../platform.ts";
import type { Output } from "../terminal/output.ts";
import { writeTable } from "../terminal/table.ts";

/** Asks the Citus clusters among some servers, all at once; answers them by the servers' ids. */
export async function clustersOf(
  platform: Platform,
  found: readonly Candidate[],
): Promise<Map<string, ClusterJson>> {
  const asked = found.map(async ({ server }) => {
    const cluster = await platform.clusters.read(server);
    return cluster ? ([[server.id, toJson(cluster)]] as const) : [];
  });
  return new Map((await Promise.all(asked)).flat());
}

type ClusterJson = Omit<Cluster, "places">;

const toJson = ({ nodes, fault }: Cluster): ClusterJson => ({ nodes, fault });

/** Writes the nodes of the clusters below a table of servers. */
export function writeClusters(
  out: Output,
  found: readonly Candidate[],
  clusters: ReadonlyMap<string, ClusterJson>,
): void {
  for (const { server } of found) {
    const cluster = clusters.get(server.id);
    if (!cluster) continue;
    out.line();
    if (cluster.fault !== null) out.line(`${out.style("red", "✘")} ${cluster.fault}`);
    if (cluster.nodes.length === 0) continue;
    const rows = cluster.nodes.map((node) => [
      server.name,
      `${node.host}:${node.port}`,
      String(node.group),
      node.active ? (node.takesTenants ? "takes tenants" : "takes none") : "not active",
      String(node.tenants),
      sizeOf(node.bytes),
    ]);
    writeTable(out, ["CLUSTER", "NODE", "GROUP", "STATE", "TENANTS", "SIZE"], rows);
  }
}

/** Where a tenant lies in a cluster, as scripts read it. */
export function placeIn({ nodes, places, fault }: Cluster, schema: string) {
  const place = places.get(schema);
  const node = nodes.find(({ group }) => group === place?.group);
  return { node: node ? `${node.host}:${node.port}` : null, bytes: place?.bytes ?? null, fault };
}

/** The same for people. */
export const describePlace = ({ node, bytes, fault }: ReturnType<typeof placeIn>): string =>
  fault ?? (node === null ? "no table yet" : `${node}, ${sizeOf(bytes)}`);

const sizeOf = (bytes: number | null): string =>
  bytes === null ? "unknown" : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
