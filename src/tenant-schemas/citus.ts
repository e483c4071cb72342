import type { ClientBase } from "pg";
import type { Step } from "./multi-query.ts";

// A Citus cluster is entered at its coordinator and mostly looks like one server. Its settings are set
// wherever they are needed, without asking: a server that does not know them takes any name with a dot.

/** Whether the connected database is spread over a Citus cluster. */
export async function isOnCitus(client: ClientBase): Promise<boolean> {
  const { rowCount } = await client.query(
    "select 1 from pg_catalog.pg_extension where extname = 'citus'",
  );
  return rowCount === 1;
}

/** What the tables of a schema take on the nodes of a Citus cluster; 0 on any other server. */
export async function bytesOnNodes(client: ClientBase, schema: string): Promise<number> {
  if (!(await isOnCitus(client))) return 0;
  const { rows } = await client.query<{ bytes: number }>(
    `select coalesce(sum(s.shard_size), 0)::float8 as bytes from pg_catalog.citus_shards s
     join pg_catalog.pg_class c on c.oid = s.table_name
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = $1`,
    [schema],
  );
  return rows[0]?.bytes ?? 0;
}

/** A schema that is created after this, in the same transaction, is one that Citus places on a node. */
export const DISTRIBUTE_SCHEMAS = "set local citus.enable_schema_based_sharding = on";

/** A schema that is created after this stays out of that, whatever the cluster's own setting. */
export const KEEP_SCHEMAS_WHOLE = "set local citus.enable_schema_based_sharding = off";

/** Lets tables of the transaction have triggers: those of a tenant lie on one node, as Citus asks. */
export const ALLOW_TRIGGERS: Step = { sql: "set local citus.enable_unsafe_triggers = on" };

/** A step whose object no other node hears of. */
export const onThisNodeAlone = (step: Step): Step[] => [
  { sql: "set local citus.enable_ddl_propagation = off" },
  step,
  { sql: "set local citus.enable_ddl_propagation = on" },
];
