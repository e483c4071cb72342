import { serialise } from "../database/locks.ts";
import type { EntityManager } from "../database/orm.ts";
import { type Candidate, chooseServer, freePlaces, type PlacementWish } from "./choose-server.ts";
import { type DbServer, DbServerEntity } from "./db-server.entity.ts";

/**
 * Chooses a db server in the caller's transaction. The servers stay locked until it ends, so that
 * what it writes into the registry counts for the next one who places.
 *
 * @throws DomainError E_DB_SERVER_NOT_FOUND, E_NO_CAPACITY, E_UNSUPPORTED
 */
export async function place(em: EntityManager, wish: PlacementWish): Promise<DbServer> {
  await lockPlacement(em);
  return chooseServer(await candidates(em), wish);
}

/** Waits for, and holds to the end of the transaction, the lock of whoever places or changes db servers. */
export const lockPlacement = (em: EntityManager): Promise<void> => serialise(em, "placement");

/** Chooses as `place` does, holding nothing: for a dry run. */
export async function previewPlacement(em: EntityManager, wish: PlacementWish): Promise<DbServer> {
  return chooseServer(await candidates(em), wish);
}

/** Every db server with the tenants that count against its capacity, by region and name. */
export async function candidates(em: EntityManager): Promise<Candidate[]> {
  const servers = await em.find(
    DbServerEntity,
    {},
    { disableIdentityMap: true, orderBy: { region: "asc", name: "asc" } },
  );
  const counts = await em.execute<{ db_server_id: string; tenants: number }[]>(
    `select db_server_id, count(*)::int as tenants from platform.tenant
     where db_server_id is not null and status <> 'PURGED' group by db_server_id`,
  );
  const tenants = new Map(counts.map((row) => [row.db_server_id, row.tenants]));
  return servers.map((server) => ({ server, tenants: tenants.get(server.id) ?? 0 }));
}

/** A region, with the db servers of it that take new tenants. */
export interface Region {
  readonly name: string;
  readonly dbServers: number;
  readonly freeCapacity: number;
}

/** The regions of db servers that take new tenants, by name. */
export function regionsOf(all: readonly Candidate[]): Region[] {
  const active = all.filter(({ server }) => server.status === "ACTIVE");
  return [...Map.groupBy(active, ({ server }) => server.region)]
    .map(([name, here]) => ({
      name,
      dbServers: here.length,
      freeCapacity: here.reduce((sum, { server, tenants }) => sum + freePlaces(tenants, server), 0),
    }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}
