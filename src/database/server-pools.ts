import pg from "pg";

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
/** A server's backend keeps memory for every table it touched: it is replaced after so many uses. */
const USES = 100;

/** Opens the pools; each connects when it is first used. */
export function openServerPools(): ServerPools {
  const pools = new Map<string, pg.Pool>();
  const poolOf = (address: ServerAddress): pg.Pool => {
    const key = JSON.stringify(address);
    const existing = pools.get(key);
    if (existing) return existing;
    const pool = new pg.Pool({
      ...address,
      max: POOL_SIZE,
      maxUses: USES,
      idleTimeoutMillis: 10_000,
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      application_name: "tenantry",
    });
    // An idle connection that breaks is replaced at the next use; unheard, its error would end the process.
    pool.on("error", () => {});
    pools.set(key, pool);
    return pool;
  };
  return {
    use: async (address, work) => {
      const client = await poolOf(address).connect();
      let broken = true;
      try {
        const result = await work(client);
        broken = false;
        return result;
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
