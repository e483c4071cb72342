import { DomainError } from "../kernel/domain-error.ts";
import type { Isolation } from "../tenants/names.ts";
import type { DbServer } from "./db-server.entity.ts";

/** A db server with the tenants that count against its capacity. */
export interface Candidate {
  readonly server: DbServer;
  readonly tenants: number;
}

/** What a caller asked for: a server by name, a region, or neither; and what it is to hold. */
export interface PlacementWish {
  readonly isolation: Isolation;
  readonly dbServer: string | null;
  readonly region: string | null;
}

/** Tenants against the capacity hint: 0 for an empty server, 1 for a full one or one meant to hold none. */
export const loadOf = (
  tenants: number,
  { capacityHint }: Pick<DbServer, "capacityHint">,
): number => (capacityHint === 0 ? 1 : tenants / capacityHint);

/** How many more tenants a server is meant to take, whatever its status. */
export const freePlaces = (
  tenants: number,
  { capacityHint }: Pick<DbServer, "capacityHint">,
): number => Math.max(0, capacityHint - tenants);

const load = ({ server, tenants }: Candidate): number => loadOf(tenants, server);

/**
 * Chooses the db server for a new tenant: the one that was named, or the least loaded active one of
 * the region (of any region when none is given), load being tenants against the capacity hint. Only
 * servers that can hold the isolation are chosen from.
 *
 * @throws DomainError E_DB_SERVER_NOT_FOUND for a name that is unknown or not active, E_VALIDATION for a
 *   named server of another region than was asked for, E_NO_CAPACITY, E_UNSUPPORTED for a named server that cannot hold the isolation
 */
export function chooseServer(candidates: readonly Candidate[], wish: PlacementWish): DbServer {
  if (wish.dbServer !== null) return namedServer(candidates, wish.dbServer, wish);
  const eligible = candidates
    .filter(
      ({ server }) =>
        server.status === "ACTIVE" && (wish.region === null || server.region === wish.region),
    )
    .filter(({ server }) => canHold(server, wish.isolation))
    .filter(({ server, tenants }) => tenants < server.capacityHint)
    .toSorted(
      (a, b) =>
        load(a) - load(b) || a.tenants - b.tenants || a.server.name.localeCompare(b.server.name),
    );
  const [best] = eligible;
  if (!best) {
    throw new DomainError("E_NO_CAPACITY", {
      message:
        wish.region === null
          ? "no eligible db_server"
          : `no eligible db_server in region '${wish.region}'`,
    });
  }
  return best.server;
}

/** Whether a tenant of this isolation can live on a server: a cluster spreads one database, and no more. */
const canHold = ({ kind }: Pick<DbServer, "kind">, isolation: Isolation): boolean =>
  kind === "POSTGRES" || isolation === "SCHEMA";

function namedServer(
  candidates: readonly Candidate[],
  name: string,
  { isolation, region }: PlacementWish,
): DbServer {
  const named = candidates.find(({ server }) => server.name === name);
  if (named?.server.status !== "ACTIVE") {
    const why = named ? `is ${named.server.status}` : "not found";
    throw new DomainError("E_DB_SERVER_NOT_FOUND", {
      message: `Db server '${name}' ${why}`,
      nextAction: "Name one that is ACTIVE: `dbServers` lists them.",
    });
  }
  if (region !== null && named.server.region !== region) {
    const message = `Db server '${name}' stands in region '${named.server.region}', not in '${region}'`;
    throw new DomainError("E_VALIDATION", {
      message,
      issues: [{ path: ["dbServer"], message, code: "E_VALIDATION" }],
    });
  }
  if (!canHold(named.server, isolation)) {
    throw new DomainError("E_UNSUPPORTED", {
      message: `Db server '${name}' is a Citus cluster, which holds tenants of isolation SCHEMA only`,
      nextAction: "Name another db server, or leave `isolation` out.",
    });
  }
  if (named.tenants >= named.server.capacityHint) {
    throw new DomainError("E_NO_CAPACITY", {
      message: `Db server '${name}' is full: no eligible db_server`,
      nextAction: "Raise its `capacityHint` with `updateDbServer`, or name another one.",
    });
  }
  return named.server;
}
