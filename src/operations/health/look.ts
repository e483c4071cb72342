import { openServerPools } from "../../database/server-pools.ts";
import type { DbServer } from "../../placement/db-server.entity.ts";
import { type ServerConnections, serverConnections } from "../../placement/server-connections.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import {
  type SurveyedRole,
  type SurveyedSchema,
  surveyRoles,
  surveySchemas,
} from "../../tenant-schemas/survey.ts";
import { groupRoleOf } from "../../tenant-schemas/tenant-database.ts";

/** What was found on a db server, by name. */
export interface ServerLook {
  readonly roles: ReadonlyMap<string, SurveyedRole>;
  /** The schemas of each database that was looked at. */
  readonly databases: ReadonlyMap<string, ReadonlyMap<string, SurveyedSchema>>;
}

/** A server, and the databases of it that hold tenants. */
export interface Sight {
  readonly server: DbServer;
  readonly databases: readonly string[];
}

/** A server that has not answered by then is told of as one that does not. */
const PATIENCE_MS = 10_000;
const CLOSING_MS = 1_000;

/**
 * Runs `work` with connections of its own, a few for each server, which are let go of afterwards:
 * a look over every server takes no connection from the operations that run.
 */
export async function withServers<T>(
  secrets: SecretStore,
  work: (servers: ServerConnections) => Promise<T>,
): Promise<T> {
  const pools = openServerPools();
  try {
    return await work(serverConnections(pools, secrets));
  } finally {
    // A connection that hangs must not keep the answer back.
    await within(CLOSING_MS, pools.close()).catch(() => undefined);
  }
}

/** Looks at every server at once; one that fails answers its error and holds up none of the others. */
export async function lookAtServers(
  servers: ServerConnections,
  sights: readonly Sight[],
  prefix: string,
): Promise<Map<string, ServerLook | Error>> {
  const looks = sights.map(async (sight): Promise<[string, ServerLook | Error]> => {
    try {
      return [sight.server.id, await within(PATIENCE_MS, lookAt(servers, sight, prefix))];
    } catch (error) {
      return [sight.server.id, error instanceof Error ? error : new Error(String(error))];
    }
  });
  return new Map(await Promise.all(looks));
}

async function lookAt(
  servers: ServerConnections,
  { server, databases }: Sight,
  prefix: string,
): Promise<ServerLook> {
  const roles = await servers.asAdmin(server, server.tenantDatabase, (client) =>
    surveyRoles(client, prefix, databases.map(groupRoleOf)),
  );
  const found = new Map<string, Map<string, SurveyedSchema>>();
  for (const database of databases) {
    const schemas = await servers.asAdmin(server, database, (client) =>
      surveySchemas(client, prefix),
    );
    found.set(database, byName(schemas));
  }
  return { roles: byName(roles), databases: found };
}

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
