import type { ClientBase } from "pg";
import { z } from "zod";
import { encodingFault } from "../database/utf8.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { isDomainError } from "../kernel/domain-error.ts";
import { grantsEachUse, membersBecomingGroups } from "../tenant-schemas/tenant-database.ts";
import { readAdminLogin, unresolved, whyNotEntered } from "./admin-login.ts";
import { refuseLostRows } from "./citus-server.ts";
import { connectionWarnings, needOf, processesAlive, readConnections } from "./connection-room.ts";
import type { DbServer } from "./db-server.entity.ts";
import { type DbServerPorts, dbServerByName, look } from "./db-server-registry.ts";
import { hostPolicyOf } from "./make-ready.ts";
import { candidates } from "./placement.ts";
import { tenantDatabaseState } from "./prepare-server.ts";
import { Probed, probeServer, strangerEntrance } from "./probe-server.ts";

export const ServerCheck = describedObject(
  "DbServerCheck",
  "Whether tenants can be made on a db server, as it was found at this moment.",
  {
    probed: Probed.nullable().describe(
      "What the server tells of itself; null where it cannot be entered, or is not fit.",
    ),
    fault: z.string().nullable().meta({
      description: "Why no tenant can be made there, for people; null where one can.",
      namesSecrets: true,
    }),
    warnings: z
      .array(z.string())
      .describe(
        "What tenants' roles could do to others or to Tenantry, and what ends it, for people. Tenants can be made all the same.",
      ),
    ms: z.int().describe("How long it took to look, in milliseconds."),
  },
);
export type ServerCheck = Described<typeof ServerCheck>;

/** A db server with how it was found. */
export interface CheckedServer extends ServerCheck {
  readonly server: DbServer;
}

type CheckPorts = Pick<DbServerPorts, "orm" | "secrets" | "config">;

/**
 * Checks the db server of that name, or all of them at once, by region and name.
 *
 * @throws DomainError E_DB_SERVER_NOT_FOUND
 */
export async function checkDbServers(ports: CheckPorts, name?: string): Promise<CheckedServer[]> {
  const servers =
    name === undefined
      ? (await candidates(look(ports))).map(({ server }) => server)
      : [await dbServerByName(look(ports), name)];
  return await Promise.all(
    servers.map(async (server) => ({ server, ...(await checkDbServer(ports, server)) })),
  );
}

/** Looks whether tenants can be made on a registered server; changes nothing and never throws for it. */
export async function checkDbServer(ports: CheckPorts, server: DbServer): Promise<ServerCheck> {
  const begun = performance.now();
  const told = (found: Partial<ServerCheck>): ServerCheck => ({
    probed: null,
    fault: null,
    warnings: [],
    ...found,
    ms: Math.round(performance.now() - begun),
  });
  try {
    const login = await readAdminLogin(ports.secrets, server);
    const enter = strangerEntrance(server, login, hostPolicyOf(ports, server));
    const probed = await probeServer(enter, server, login);
    return told({
      probed,
      ...(await enter(login.database, (client) => lookAt(ports, client, server))),
    });
  } catch (error) {
    if (isDomainError(error)) return told({ fault: error.message });
    return told({ fault: unresolved(server, whyNotEntered(error)).message });
  }
}

async function lookAt(
  ports: Pick<DbServerPorts, "orm">,
  client: ClientBase,
  server: DbServer,
): Promise<Partial<ServerCheck>> {
  const { kind, tenantDatabase } = server;
  if ((await tenantDatabaseState(client, tenantDatabase)) !== "PREPARED")
    return { fault: `its tenant database ${tenantDatabase} is not prepared` };
  if (kind === "CITUS") await refuseLostRows(client);
  const need = needOf(server, await processesAlive(look(ports)));
  const warnings = [
    await openDatabases(client),
    await openGroups(client, tenantDatabase),
    ...connectionWarnings(await readConnections(client), need),
  ];
  return {
    fault: await encodingFault(client, tenantDatabase),
    warnings: warnings.filter((warning) => warning !== null),
  };
}

/** Databases that every role may enter may be somebody else's: closing them is the operator's decision. */
async function openDatabases(client: ClientBase): Promise<string | null> {
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(datname) as name from pg_catalog.pg_database
     where datallowconn and has_database_privilege('public', oid, 'connect') order by datname`,
  );
  if (rows.length === 0) return null;
  const names = rows.map(({ name }) => name).join(", ");
  return `tenants' roles may enter the databases ${names}, as every role may: revoke connect, temporary on database ${names} from public`;
}

async function openGroups(client: ClientBase, tenantDatabase: string): Promise<string | null> {
  const members = await membersBecomingGroups(client, tenantDatabase);
  if (members.length === 0) return null;
  const groups = [...new Set(members.map(({ group }) => group))].join(", ");
  const remedy = (await grantsEachUse(client))
    ? "migrating their tenants ends that"
    : "PostgreSQL 16 and newer keep them from it";
  return `${members.length} roles of tenants can SET ROLE to ${groups}: ${remedy}`;
}
