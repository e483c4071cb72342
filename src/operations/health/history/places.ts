import type { EntityManager } from "../../../database/orm.ts";
import { type DbServer, DbServerEntity } from "../../../placement/db-server.entity.ts";
import { platformId } from "../../../placement/db-server-registry.ts";
import { DEFAULT_SERVER } from "../../../placement/default-server.ts";
import type { ServerConnections } from "../../../placement/server-connections.ts";
import { historyFile } from "./history-file.ts";
import { historyOnServer } from "./history-on-server.ts";
import type { NotedPlace } from "./noted-place.ts";

/** The db servers that the head of the audit chain can be noted on; the platform's own comes last. */
export async function placesOnServers(
  em: EntityManager,
  servers: ServerConnections,
): Promise<NotedPlace[]> {
  const id = await platformId(em);
  const inUse = await em.find(DbServerEntity, { status: { $ne: "INACTIVE" } });
  const own = inUse.find(({ name }) => name === DEFAULT_SERVER);
  const isOwn = ({ host, port }: DbServer) => host === own?.host && port === own.port;
  return inUse
    .sort((a, b) => Number(isOwn(a)) - Number(isOwn(b)) || a.name.localeCompare(b.name))
    .map((server) => historyOnServer(servers, server, id));
}

/** Every place where the head of the audit chain can be noted. */
export const allPlaces = async (
  em: EntityManager,
  dataDir: string,
  servers: ServerConnections,
): Promise<NotedPlace[]> => [
  historyFile(dataDir, await platformId(em)),
  ...(await placesOnServers(em, servers)),
];
