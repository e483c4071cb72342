import type { ClientBase } from "pg";
import { ident } from "../database/sql.ts";
import { newSecret } from "../kernel/ids.ts";
import { fieldFault } from "../kernel/input.ts";
import { DISTRIBUTE_SCHEMAS } from "../tenant-schemas/citus.ts";
import type { DbServer } from "./db-server.entity.ts";

/** The first version that places whole schemas; what it loses is found by `refuseLostRows`. */
const OLDEST = 12;
/** The first release that loses no rows. */
const WHOLE = "13.2.1";

/** What a database knows of Citus. */
interface CitusTold {
  /** The version of the extension in this database: `13.2-1`; null where it is not created. */
  readonly created: string | null;
  /** The version that the server could create; null where it has none. */
  readonly available: string | null;
  readonly superuser: boolean;
}

const TOLD = `select
    (select extversion from pg_catalog.pg_extension where extname = 'citus') as created,
    (select default_version from pg_catalog.pg_available_extensions where name = 'citus') as available,
    current_setting('is_superuser')::bool as superuser`;

/**
 * Looks whether a database is what the server's kind says: one that a Citus cluster spreads over its
 * nodes, entered at the coordinator, or one that knows nothing of Citus. Where the extension only waits
 * to be created, that is `prepareCluster`'s to do. Changes nothing.
 *
 * @returns the version of Citus, null on a plain server
 * @throws DomainError E_VALIDATION naming the field `kind`, `host` or `adminSecretRef`
 */
export async function examineKind(
  client: ClientBase,
  kind: DbServer["kind"],
): Promise<string | null> {
  const { rows } = await client.query<CitusTold>(TOLD);
  const [told = { created: null, available: null, superuser: false }] = rows;
  if (kind === "POSTGRES") {
    if (told.created === null) return null;
    const rule = "must be CITUS, or the secret must name a database without the extension citus";
    throw fieldFault("kind", rule);
  }
  const version = told.created ?? told.available;
  if (version === null)
    throw fieldFault("kind", "must be POSTGRES: this server has no extension citus");
  if (Number.parseInt(version, 10) < OLDEST)
    throw fieldFault("host", `must be Citus ${WHOLE} or newer, and this is ${version}`);
  if (told.created !== null) await refuseWorker(client);
  else if (!told.superuser) {
    const rule = "must name a database in which a superuser has created the extension citus";
    throw fieldFault("adminSecretRef", rule);
  }
  return version;
}

async function refuseWorker(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ group: number }>(
    `select groupid as "group" from pg_catalog.pg_dist_local_group`,
  );
  if (rows[0]?.group !== 0)
    throw fieldFault("host", "must be the coordinator of the cluster, and this is a worker");
}

/**
 * Creates the extension where it is missing, and looks whether every node lets a role in that has no
 * password: so do the owners of tenant schemas go from node to node.
 *
 * @throws DomainError E_VALIDATION naming the two nodes where that fails, or that none takes tenants, or the
 *   release that loses no rows
 */
export async function prepareCluster(client: ClientBase): Promise<void> {
  await client.query("create extension if not exists citus");
  const { rowCount: takers } = await client.query(
    `select from pg_catalog.pg_dist_node
     where isactive and shouldhaveshards and noderole = 'primary'`,
  );
  // A cluster of one has no row yet: it gets one with its first distributed table.
  const { rowCount: nodes } = await client.query("select from pg_catalog.pg_dist_node");
  if (takers === 0 && nodes !== 0)
    throw fieldFault("host", "must be a cluster with a node that is active and takes shards");
  await refuseLostRows(client);
  const role = ident(`tenantry_probe_${newSecret(6)}`);
  // Other nodes see the role when it is committed.
  await client.query(`create role ${role} login`);
  try {
    await refuseClosedNodes(client, role);
  } finally {
    await client.query(`drop role ${role}`).catch(() => undefined);
  }
}

/**
 * Refuses a cluster that adds nothing, without an error, where a table of a tenant draws its ids from a
 * sequence and its rows come from a subquery (citusdata/citus#8243): seeds and migrations do so. What it
 * does tells, whoever built it. Leaves nothing behind.
 *
 * @throws DomainError E_VALIDATION naming the release that mends it
 */
export async function refuseLostRows(client: ClientBase): Promise<void> {
  const probe = ident(`tenantry_probe_${newSecret(6)}`);
  const [schema, from, to] = [probe, `${probe}.given`, `${probe}.taken`];
  try {
    await client.query(`begin; ${DISTRIBUTE_SCHEMAS}; create schema ${schema};
      create table ${from} (n int); create table ${to} (id bigserial, n int);
      insert into ${from} values (1)`);
    const { rowCount } = await client.query(
      `insert into ${to} (n) select n from (select n from ${from} group by n) given`,
    );
    if (rowCount === 1) return;
  } finally {
    await client.query("rollback").catch(() => undefined);
  }
  const rule = `must be Citus ${WHOLE}, 14.0.0 or newer: this one loses the rows of INSERT … SELECT in a tenant's schema, without an error`;
  throw fieldFault("host", rule);
}

async function refuseClosedNodes(client: ClientBase, role: string): Promise<void> {
  const { rows: entry } = await client.query<{ database: string }>(
    "select current_database() as database",
  );
  const database = ident(entry[0]?.database ?? "");
  await client.query(`grant connect on database ${database} to ${role}; set role ${role}`);
  try {
    const { rows } = await client.query<{ from: string; to: string }>(
      `select from_nodename || ':' || from_nodeport as "from", to_nodename || ':' || to_nodeport as "to"
       from pg_catalog.citus_check_cluster_node_health() where result is distinct from true limit 1`,
    );
    const [closed] = rows;
    if (closed === undefined) return;
    const rule = `must be a cluster whose nodes let one another in as any role without a password, and ${closed.to} does not let ${closed.from} in`;
    throw fieldFault("host", rule);
  } finally {
    await client.query(`reset role; revoke connect on database ${database} from ${role}`);
  }
}
