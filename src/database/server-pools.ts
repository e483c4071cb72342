import pg from "pg";
import { guardedSockets } from "./guarded-socket.ts";

/** Where a database is and who enters it; never made from a URL that a caller sent. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly ssl: false | { readonly rejectUnauthorized: boolean };
}

/** Bounded pools of direct connections, one for each server and database, never one for each tenant. */
export interface ServerPools {
  /** Runs `work` on a connection of its own; a connection whose work failed is not used again. */
  use<T>(address: ServerAddress, work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Connections for each database: the cores that benefit, and two to spare. */
const POOL_SIZE = 6;

/** How connections to db servers behave, whoever opens them. */
export const CONNECTION = {
  connectionTimeoutMillis: 10_000,
  keepAlive: true,
  // Given a delay, Node also asks ten times a second apart: a dead peer is noticed in 20 seconds.
  keepAliveInitialDelayMillis: 10_000,
  application_name: "tenantry",
  // The address is looked at each time; loopback was decided on when the server was registered.
  stream: guardedSockets((kind) => kind === "loopback"),
} as const;

const POOL = {
  max: POOL_SIZE,
  // A server's backend keeps memory for every table it touched: it is replaced after so many uses.
  maxUses: 100,
  maxLifetimeSeconds: 1_800,
  idleTimeoutMillis: 10_000,
  // Bounds for what sets none of its own, as migrations do.
  statement_timeout: 900_000,
  lock_timeout: 60_000,
  // A server that stands still ends no statement: then it is this side that gives up.
  query_timeout: 930_000,
  // A worker that froze in a transaction must not hold what another one has taken over.
  idle_in_transaction_session_timeout: 60_000,
} as const;

/** Bounds that a test can make shorter. */
type Bounds = Partial<
  Record<"max" | "connectionTimeoutMillis" | "lock_timeout" | "query_timeout", number>
>;

/** Opens the pools; each connects when it is first used. */
export function openServerPools(bounds: Bounds = {}): ServerPools {
  const pools = new Map<string, pg.Pool>();
  const poolOf = (address: ServerAddress): pg.Pool => {
    const key = JSON.stringify(address);
    const existing = pools.get(key);
    if (existing) return existing;
    const pool = new pg.Pool({ ...address, ...CONNECTION, ...POOL, ...bounds });
    // An idle connection that breaks is replaced at the next use; unheard, its error would end the process.
    pool.on("error", () => {});
    // A pool for each of thousands of databases is not kept when nobody uses it.
    pool.on("remove", () => {
      if (pool.totalCount + pool.waitingCount === 0 && pools.get(key) === pool) pools.delete(key);
    });
    pools.set(key, pool);
    return pool;
  };
  return {
    use: async (address, work) => {
      const client = await poolOf(address).connect().catch(nameTimeout);
      let broken = true;
      try {
        const result = await work(client);
        broken = false;
        return result;
      } catch (error) {
        return nameTimeout(error);
      } finally {
        client.release(broken);
      }
    },
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
      pools.clear();
    },
  };
}

/** The driver's own timeouts, of a full pool and of an answer, have no code: they pass like the network's. */
function nameTimeout(error: unknown): never {
  if (!(error instanceof Error && /^(timeout exceeded|Query read timeout)/.test(error.message)))
    throw error;
  throw Object.assign(new Error("The db server took too long", { cause: error }), {
    code: "ETIMEDOUT",
  });
}
