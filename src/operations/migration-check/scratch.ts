import { randomBytes } from "node:crypto";
import type { ClientBase, PoolClient } from "pg";
import { scramVerifier } from "../../database/sql.ts";
import { newSecret } from "../../kernel/ids.ts";
import type { DbServer } from "../../placement/db-server.entity.ts";
import type { ServerConnections } from "../../placement/server-connections.ts";
import { createTenantSchema } from "../../tenant-schemas/create-tenant-schema.ts";
import { dropTenantSchema } from "../../tenant-schemas/drop-tenant-schema.ts";
import { ensureOwnDatabase, prepareOwnDatabase } from "../../tenant-schemas/own-database.ts";
import { rolesOf, type TenantNames } from "../../tenants/names.ts";

/** What scratch databases are made with. */
export interface ScratchPorts {
  readonly servers: ServerConnections;
  readonly schemaPrefix: string;
}

/** A database that is made like a tenant's own, for as long as it is read. */
export interface Scratch {
  readonly names: TenantNames;
  /** What its marks say; no tenant has such an id. */
  readonly tenantId: string;
  readonly madeAt: Date;
}

/** What is older was left behind by a check that was killed. */
const LONGEST_MS = 3_600_000;

/** Unique names, which contain the time at which they were chosen. */
const newScratch = (schemaPrefix: string): Scratch =>
  scratchOf(schemaPrefix, Math.floor(Date.now() / 1_000), randomBytes(4).toString("hex"));

/** Everything about a scratch database follows from when it was made and a random number. */
function scratchOf(schemaPrefix: string, seconds: number, random: string): Scratch {
  const time = seconds.toString(16).padStart(8, "0");
  const schema = `${schemaPrefix}check_${time}${random}`;
  return {
    names: {
      schema,
      database: `tenantry_check_${seconds}_${random}`,
      ...rolesOf(schema),
      secret: "",
    },
    tenantId: `${time}-c4ec-4000-8000-0000${random}`,
    madeAt: new Date(seconds * 1_000),
  };
}

/** Whether an id is that of a scratch database which a check may be using. */
export function isScratchInUse(tenantId: string | null): boolean {
  const [, time] = /^([0-9a-f]{8})-c4ec-4000-8000-0000[0-9a-f]{8}$/.exec(tenantId ?? "") ?? [];
  return time !== undefined && Date.now() - Number.parseInt(time, 16) * 1_000 <= LONGEST_MS;
}

/**
 * Lets `work` have a scratch database with an empty tenant schema, and drops it with its roles behind
 * that, whatever came of it.
 *
 * @throws DomainError E_ADMIN_CONN_UNRESOLVED, E_PARTIAL_STATE, and what `work` throws
 */
export async function withScratch<T>(
  ports: ScratchPorts,
  server: DbServer,
  work: (scratch: Scratch, client: PoolClient) => Promise<T>,
): Promise<T> {
  const { servers, schemaPrefix } = ports;
  const scratch = newScratch(schemaPrefix);
  const { names, tenantId } = scratch;
  try {
    await servers.asAdmin(server, server.tenantDatabase, (client) =>
      ensureOwnDatabase(client, { names, tenantId }),
    );
    return await servers.asAdmin(server, names.database, async (client) => {
      await prepareOwnDatabase(client, tenantId, server.tenantDatabase);
      await createTenantSchema(client, {
        names,
        tenantId,
        connectDatabase: names.database,
        mayLogIn: false,
        appPasswordVerifier: scramVerifier(newSecret()),
        limits: NOBODYS,
      });
      return await work(scratch, client);
    });
  } finally {
    await dropScratch(ports, server, scratch);
  }
}

const dropScratch = (
  { servers }: Pick<ScratchPorts, "servers">,
  server: DbServer,
  scratch: Scratch,
): Promise<unknown> =>
  servers.asAdmin(server, server.tenantDatabase, (client) =>
    dropTenantSchema(client, scratch, (database, work) => servers.asAdmin(server, database, work)),
  );

/** Nobody logs in there. */
const NOBODYS = {
  connectionLimit: 1,
  statementTimeoutSeconds: 0,
  idleInTransactionTimeoutSeconds: 0,
};

/** Drops what checks that were killed have left on a server an hour ago or earlier. */
export async function dropOldScratch(ports: ScratchPorts, server: DbServer): Promise<void> {
  const left = await ports.servers.asAdmin(server, server.tenantDatabase, (client) =>
    findScratch(client, ports.schemaPrefix),
  );
  for (const scratch of left)
    if (Date.now() - scratch.madeAt.getTime() > LONGEST_MS)
      await dropScratch(ports, server, scratch);
}

/** The scratch databases that a server has something of: a database, one without a name yet, or a role. */
async function findScratch(client: ClientBase, schemaPrefix: string): Promise<Scratch[]> {
  const { rows } = await client.query<{ time: string; random: string }>(
    `select distinct lower(found[1]) as time, found[2] as random from (
       select regexp_match(datname, '^tenantry_new_([0-9a-f]{8})c4ec400080000000([0-9a-f]{8})$')
         from pg_catalog.pg_database
       union all
       select array[to_hex(found[1]::bigint), found[2]] from (
         select regexp_match(datname, '^tenantry_check_(\\d{1,10})_([0-9a-f]{8})$') as found
           from pg_catalog.pg_database) as named
       union all
       select regexp_match(substr(rolname, length($1) + 1), '^check_([0-9a-f]{8})([0-9a-f]{8})_(?:owner|app)$')
         from pg_catalog.pg_roles where starts_with(rolname, $1)
     ) as things (found) where found[1] is not null`,
    [schemaPrefix],
  );
  return rows.map(({ time, random }) => scratchOf(schemaPrefix, Number.parseInt(time, 16), random));
}
