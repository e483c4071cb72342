import type { CommandListDbServersQuery } from "../../client/generated/graphql.ts";
import type { Output } from "../terminal/output.ts";
import { writeTable } from "../terminal/table.ts";

type Server = CommandListDbServersQuery["dbServers"][number];

/** Writes the nodes of the clusters below a table of servers. */
export function writeClusters(out: Output, servers: readonly Server[]): void {
  for (const { name, cluster } of servers) {
    if (!cluster) continue;
    out.line();
    if (cluster.fault !== null) out.line(`${out.style("red", "✘")} ${cluster.fault}`);
    if (cluster.nodes.length === 0) continue;
    const rows = cluster.nodes.map((node) => [
      name,
      addressOf(node),
      String(node.group),
      node.active ? (node.takesTenants ? "takes tenants" : "takes none") : "not active",
      String(node.tenantCount),
      sizeOf(node.bytes),
    ]);
    writeTable(out, ["CLUSTER", "NODE", "GROUP", "STATE", "TENANTS", "SIZE"], rows);
  }
}

/** Host and port; nothing for whoever may not read them. */
export const addressOf = ({ host, port }: Pick<Server, "host" | "port">): string =>
  host === null ? "" : `${host}:${port}`;

interface Place {
  readonly node: string | null;
  readonly bytes: string | null;
  readonly fault: string | null;
}

/** Where a tenant lies in a cluster, for people. */
export const describePlace = ({ node, bytes, fault }: Place): string =>
  fault ?? (node === null ? "no table yet" : `${node}, ${sizeOf(bytes)}`);

const sizeOf = (bytes: string | null): string =>
  bytes === null ? "unknown" : `${(Number(bytes) / 1024 ** 2).toFixed(1)} MiB`;
