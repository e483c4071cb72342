import type { ClientBase } from "pg";
import { z } from "zod";
import { isConnectionLoss, sqlStateOf } from "../database/faults.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { isDomainError } from "../kernel/domain-error.ts";
import { unresolved, whyNotEntered } from "./admin-login.ts";
import type { DbServer } from "./db-server.entity.ts";
import type { ServerConnections } from "./server-connections.ts";

/** Addresses of servers are for those who may provision on them. */
const needs = "tenant:provision";

const ClusterNode = describedObject("DbServerNode", "A node of a Citus cluster.", {
  host: z.string().meta({
    description: "Its host, as the cluster knows it; null for roles that may not provision.",
    needs,
  }),
  port: z.int().meta({ description: "Its port; null for roles that may not provision.", needs }),
  group: z
    .int()
    .describe("Citus's number of it, the same for as long as it is a node; 0 coordinates."),
  active: z
    .boolean()
    .describe("Whether the cluster counts on it. A node that is only down is still active."),
  takesTenants: z
    .boolean()
    .describe("Whether Citus places tenants on it; a coordinator often takes none."),
  tenantCount: z.int().describe("How many tenants' schemas lie on it, whatever their status."),
  bytes: z.int().nullable().meta({
    description: "What their tables and indexes take on disk; null while a node does not answer.",
    isBig: true,
  }),
});
type ClusterNode = Described<typeof ClusterNode>;

export const ClusterView = describedObject(
  "DbServerCluster",
  "What a Citus cluster tells of itself at this moment.",
  {
    nodes: z
      .array(ClusterNode)
      .describe("Its nodes, the coordinator first; none while the cluster does not answer."),
    fault: z
      .string()
      .nullable()
      .describe(
        "Why it did not answer, or not in full, for people; null when all is told. It is waited for 4 seconds.",
      ),
  },
);

export const ClusterPlace = describedObject(
  "TenantClusterPlace",
  "Where in a Citus cluster a tenant lies at this moment. Citus may move it.",
  {
    node: ClusterNode.nullable().describe(
      "The node that holds its tables; null while it has none, or while there is a fault.",
    ),
    bytes: z.int().nullable().meta({
      description: "What its tables and indexes take on disk; null while a node does not answer.",
      isBig: true,
    }),
    fault: z
      .string()
      .nullable()
      .describe("Why the cluster did not answer, or not in full; null when all is told."),
  },
);

/** Where Citus keeps a tenant schema. */
interface SchemaPlace {
  readonly schema: string;
  /** The group of its node; null while it has no table. */
  readonly group: number | null;
  readonly bytes: number | null;
}

/** What a cluster told, with the places of tenants by their schemas. */
export interface Cluster extends Described<typeof ClusterView> {
  readonly places: ReadonlyMap<string, SchemaPlace>;
}

/** Where in a cluster a tenant lies. */
export function placeIn(
  { nodes, places, fault }: Cluster,
  schema: string,
): Described<typeof ClusterPlace> {
  const { group, bytes = null } = places.get(schema) ?? {};
  return { node: nodes.find((node) => node.group === group) ?? null, bytes, fault };
}

/** Asks Citus clusters where tenants lie. */
export interface Clusters {
  /**
   * Asks a cluster for its nodes and where its tenants lie, within some seconds. Never throws: a cluster
   * that does not answer has a fault. Nothing is kept, but who asks while it is asked shares the answer.
   *
   * @returns null for a server of kind POSTGRES
   */
  read(server: DbServer): Promise<Cluster | null>;
}

/** Whoever looks at a list of servers is not kept longer by one that is down. */
const PATIENCE_MS = 4_000;
const LATE = `it does not answer within ${PATIENCE_MS / 1_000} s`;
const QUERY_CANCELED = "57014";

/** Opens the view of clusters, which takes one connection of each server at a time. */
export function openClusters(servers: ServerConnections): Clusters {
  /** What is being asked, by the server's id. */
  const asked = new Map<string, Promise<Cluster>>();
  const askOnce = (server: DbServer): Promise<Cluster> => {
    const answer =
      asked.get(server.id) ?? ask(servers, server).finally(() => asked.delete(server.id));
    asked.set(server.id, answer);
    return answer;
  };
  return {
    read: async (server) =>
      server.kind === "CITUS" ? await inTime(server, askOnce(server)) : null,
  };
}

async function inTime(server: DbServer, answer: Promise<Cluster>): Promise<Cluster> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Cluster>((resolve) => {
    timer = setTimeout(() => resolve(silent(unresolved(server, LATE).message)), PATIENCE_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

const silent = (fault: string): Cluster => ({ nodes: [], places: new Map(), fault });

async function ask(servers: ServerConnections, server: DbServer): Promise<Cluster> {
  try {
    return await servers.asAdmin(server, server.tenantDatabase, look);
  } catch (error) {
    if (isDomainError(error)) return silent(error.message);
    return silent(unresolved(server, isLate(error) ? LATE : whyNotEntered(error)).message);
  }
}

/** Whichever of the two was first to give a query up: the server, or the driver at this end. */
const isLate = (error: unknown) =>
  sqlStateOf(error) === QUERY_CANCELED ||
  (error instanceof Error && error.message.startsWith("Query read timeout"));

/** A query that gives up by then, at this end too: a server that stands still ends nothing. */
const briefly = (text: string) => ({ text, query_timeout: PATIENCE_MS });

async function look(client: ClientBase): Promise<Cluster> {
  await client.query(briefly(`set statement_timeout = ${PATIENCE_MS}`));
  const { rows: nodes } = await client.query<NodeRow>(briefly(NODES));
  const { rows: placed } = await client.query<{ schema: string; group: number | null }>(
    briefly(PLACES),
  );
  const { bytes, fault } = await sizesOf(client);
  await client.query(briefly("reset statement_timeout"));
  const places = placed.map((place) => ({ ...place, bytes: bytes(place.schema) }));
  return {
    nodes: nodes.map((node) => {
      const held = places.filter(({ group }) => group === node.group);
      return { ...node, tenantCount: held.length, bytes: sumOf(held.map((place) => place.bytes)) };
    }),
    places: new Map(places.map((place) => [place.schema, place])),
    fault,
  };
}

const sumOf = (sizes: readonly (number | null)[]): number | null =>
  sizes.reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0);

type NodeRow = Omit<ClusterNode, "tenantCount" | "bytes">;

const NODES = `select nodename as host, nodeport as port, groupid as "group", isactive as active,
    shouldhaveshards as "takesTenants"
  from pg_catalog.pg_dist_node where noderole = 'primary' order by groupid`;

/** From the coordinator's own catalog: one table of a schema tells where all of them lie. */
const PLACES = `select n.nspname as schema, place.groupid as "group"
  from pg_catalog.pg_dist_schema s
  join pg_catalog.pg_namespace n on n.oid = s.schemaid
  left join lateral (
    select p.groupid from pg_catalog.pg_dist_partition t
    join pg_catalog.pg_dist_shard h on h.logicalrelid = t.logicalrelid
    join pg_catalog.pg_dist_placement p on p.shardid = h.shardid
    where t.colocationid = s.colocationid limit 1) place on true
  where obj_description(n.oid, 'pg_namespace') like 'tenantry:tenant=%'`;

/** What the nodes said of sizes; null for a schema of which they did not say all. */
interface Sizes {
  readonly bytes: (schema: string) => number | null;
  readonly fault: string | null;
}

async function sizesOf(client: ClientBase): Promise<Sizes> {
  try {
    const { rows } = await client.query<{ schema: string; bytes: number | null }>(briefly(SIZES));
    const found = new Map(rows.map(({ schema, bytes }) => [schema, bytes]));
    const whole = rows.every(({ bytes }) => bytes !== null);
    return {
      bytes: (schema) => (found.has(schema) ? (found.get(schema) ?? null) : 0),
      fault: whole ? null : await whyUnknown(client),
    };
  } catch (error) {
    // What the coordinator itself did not answer leaves the connection of no use.
    if (sqlStateOf(error) === undefined || isConnectionLoss(error)) throw error;
    return { bytes: () => null, fault: "The nodes did not say their tenants' sizes" };
  }
}

/** A size is missing where a node is silent, and for a moment where a table comes or goes. */
async function whyUnknown(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ group: number }>(briefly(SILENT));
  if (rows.length === 0)
    return "Tables are being made or dropped at this moment: the sizes of their schemas are not known";
  const groups = rows.map(({ group }) => group).join(", ");
  return `These nodes do not answer, and the sizes there are not known: ${groups}`;
}

const SILENT = `select distinct n.groupid as "group"
  from pg_catalog.run_command_on_all_nodes('select 1', give_warning_for_connection_errors => true) r
  join pg_catalog.pg_dist_node n on n.nodeid = r.nodeid
  where not r.success order by n.groupid`;

const SIZES = `select n.nspname as schema,
    case when bool_and(s.shard_size is not null) then sum(s.shard_size)::float8 end as bytes
  from pg_catalog.citus_shards s
  join pg_catalog.pg_class c on c.oid = s.table_name
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where s.citus_table_type = 'schema' group by n.nspname`;
