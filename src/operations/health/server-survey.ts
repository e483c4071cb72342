import pLimit from "p-limit";
import type { ClientBase } from "pg";
import { CONNECTIONS_PER_SERVER, openServerPools } from "../../database/server-pools.ts";
import { type Connections, readConnections } from "../../placement/connection-room.ts";
import type { DbServer } from "../../placement/db-server.entity.ts";
import { type ServerConnections, serverConnections } from "../../placement/server-connections.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import {
  type SurveyedDatabase,
  type SurveyedRole,
  type SurveyedSchema,
  surveyDatabases,
  surveyRoles,
  surveySchemas,
} from "../../tenant-schemas/survey.ts";
import { isMissingDatabase } from "../site/databases.ts";

/** What was found on a db server, by name. */
export interface ServerSurvey {
  readonly roles: ReadonlyMap<string, SurveyedRole>;
  readonly server: DbServer;
  readonly connections: Connections;
  /** Tenants' own databases, and others of their names. */
  readonly own: ReadonlyMap<string, SurveyedDatabase>;
  /** The schemas of each surveyed database that exists. */
  readonly databases: ReadonlyMap<string, SurveyedSchemas | Error>;
}

type SurveyedSchemas = ReadonlyMap<string, SurveyedSchema>;

/** The schemas of every database that could be entered. */
export const schemasOf = ({ databases }: ServerSurvey): SurveyedSchema[] =>
  [...databases.values()].flatMap((found) => (found instanceof Error ? [] : [...found.values()]));

/** A server, and the databases of it that hold tenants, the shared one first. */
export interface SurveyTarget {
  readonly server: DbServer;
  readonly databases: readonly string[];
}

/** A server or database that has not answered by then counts as one that does not. */
const PATIENCE_MS = 10_000;
const CLOSING_MS = 1_000;
/** What hangs gives its connection back by then: others wait for one. */
const BOUNDS = {
  connectionTimeoutMillis: PATIENCE_MS,
  statement_timeout: PATIENCE_MS,
  query_timeout: PATIENCE_MS,
};

/**
 * Runs `work` with connections of its own, a few for each server, which are closed afterwards: a
 * survey of every server takes no connection from the operations that run. No statement takes longer than
 * 10 seconds.
 */
export async function withServers<T>(
  secrets: SecretStore,
  work: (servers: ServerConnections) => Promise<T>,
): Promise<T> {
  const pools = openServerPools(BOUNDS);
  try {
    return await work(serverConnections(pools, secrets));
  } finally {
    // A connection that hangs must not keep the answer back.
    await within(CLOSING_MS, pools.close()).catch(() => undefined);
  }
}

/** Surveys all servers at once; one that fails answers its error and delays none of the others. */
export async function surveyServers(
  servers: ServerConnections,
  targets: readonly SurveyTarget[],
  prefix: string,
): Promise<Map<string, ServerSurvey | Error>> {
  const surveys = targets.map(async (target): Promise<[string, ServerSurvey | Error]> => {
    try {
      return [target.server.id, await surveyServer(servers, target, prefix)];
    } catch (error) {
      return [target.server.id, asError(error)];
    }
  });
  return new Map(await Promise.all(surveys));
}

async function surveyServer(
  servers: ServerConnections,
  { server, databases }: SurveyTarget,
  prefix: string,
): Promise<ServerSurvey> {
  const enter = <T>(database: string, work: (client: ClientBase) => Promise<T>) =>
    within(PATIENCE_MS, servers.asAdmin(server, database, work));
  const schemasIn = async (client: ClientBase) => byName(await surveySchemas(client, prefix));
  const shared = await enter(server.tenantDatabase, async (client) => ({
    roles: byName(await surveyRoles(client, prefix)),
    own: byName(await surveyDatabases(client)),
    schemas: await schemasIn(client),
    connections: await readConnections(client),
  }));
  const found = new Map<string, SurveyedSchemas | Error>([[server.tenantDatabase, shared.schemas]]);
  const others = databases.filter((database) => database !== server.tenantDatabase);
  // What is wrong with a tenant's own database, also that it hangs, says nothing against the server.
  await pLimit(CONNECTIONS_PER_SERVER).map(others, async (database) => {
    try {
      found.set(database, await enter(database, schemasIn));
    } catch (error) {
      if (!isMissingDatabase(error)) found.set(database, asError(error));
    }
  });
  const { roles, own, connections } = shared;
  return { server, roles, own, connections, databases: found };
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

const byName = <T extends { readonly name: string }>(things: readonly T[]): Map<string, T> =>
  new Map(things.map((thing) => [thing.name, thing]));

/** What the work answers, or an error when it takes longer. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it does not answer in time")), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
