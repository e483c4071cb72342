import pg from "pg";
import { connectionConfig, KEEP_ALIVE } from "./connect.ts";
import type { Address } from "./connection-url.ts";
import { guardedSockets } from "./guarded-socket.ts";
import { keepOnlyWhole } from "./own-connection.ts";

/**
 * Pools of direct connections, one for each database, bounded for each server over all its databases:
 * a server with thousands of them gets no more connections than one with a single one.
 */
export interface ServerPools {
  /** Runs `work` on a connection of its own; a connection whose work failed is not used again. */
  use<T>(address: Address, work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** Ends every session at once, also those that are in use: the next use begins a new one. */
  abandon(): void;
  close(): Promise<void>;
}

/** Connections of a pool for each server: the cores that benefit, and two to spare. */
export const CONNECTIONS_PER_SERVER = 6;

/** How connections to db servers behave, whoever opens them. */
export const CONNECTION = {
  ...KEEP_ALIVE,
  // The address is looked at each time; loopback was decided on when the server was registered.
  stream: guardedSockets((kind) => kind === "loopback"),
} as const;

/** Bounds of sessions that set none of their own, as migrations do. */
export const SESSION_BOUNDS = {
  statement_timeout: 900_000,
  lock_timeout: 60_000,
  // A worker that froze in a transaction must not hold what another one has taken over.
  idle_in_transaction_session_timeout: 60_000,
} as const;

const POOL = {
  ...SESSION_BOUNDS,
  connectionTimeoutMillis: 10_000,
  max: CONNECTIONS_PER_SERVER,
  // A server's backend keeps memory for every table it touched: it is replaced after so many uses.
  maxUses: 100,
  maxLifetimeSeconds: 1_800,
  idleTimeoutMillis: 10_000,
  // A server that stands still ends no statement: then it is this side that gives up.
  query_timeout: 930_000,
} as const;

/** Bounds that can be made shorter: for whoever only looks, and for tests. */
type Bounds = Partial<
  Record<
    "max" | "connectionTimeoutMillis" | "lock_timeout" | "statement_timeout" | "query_timeout",
    number
  >
>;

/** Opens the pools; each connects when it is first used. */
export function openServerPools(bounds: Bounds = {}): ServerPools {
  const servers = new Map<string, BoundedServer>();
  const serverOf = ({ host, port }: Address): BoundedServer => {
    const key = JSON.stringify([host, port]);
    const server = servers.get(key) ?? new BoundedServer({ ...CONNECTION, ...POOL, ...bounds });
    servers.set(key, server);
    return server;
  };
  return {
    use: (address, work) => serverOf(address).use(address, work),
    abandon: () => {
      for (const server of servers.values()) server.abandon();
    },
    close: async () => {
      await Promise.all([...servers.values()].map((server) => server.close()));
      servers.clear();
    },
  };
}

type Options = pg.PoolConfig & { readonly max: number; readonly connectionTimeoutMillis: number };

type PooledClient = pg.PoolClient & pg.Client;

/** The connections to one server: a pool for each database, and a bound over all of them. */
class BoundedServer {
  readonly #options: Options;
  /** Those used last come last. */
  readonly #pools = new Map<string, pg.Pool>();
  readonly #clients = new Set<PooledClient>();
  /** Connections that are open, being opened or being closed. */
  #open = 0;
  #lastTurn = Promise.resolve();
  /** Settled when a connection was given back or closed. */
  #change = Promise.withResolvers<void>();

  constructor(options: Options) {
    this.#options = options;
  }

  async use<T>(address: Address, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#inTurn(() => this.#room(address));
    let broken = true;
    try {
      const result = await work(client);
      broken = false;
      return result;
    } finally {
      client.release(broken);
    }
  }

  abandon(): void {
    for (const client of this.#clients) void client.end().catch(() => {});
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.end()));
  }

  /** Connects where there is room, in the order they came: one at a time looks for room. */
  async #inTurn(room: () => pg.Pool | null): Promise<pg.PoolClient> {
    const before = this.#lastTurn;
    const { promise, resolve: pass } = Promise.withResolvers<void>();
    this.#lastTurn = promise;
    const { inTime, stop } = patience(this.#options.connectionTimeoutMillis);
    let connecting: Promise<pg.PoolClient>;
    try {
      await inTime(before);
      let pool = room();
      for (; pool === null; pool = room()) await inTime(this.#change.promise);
      connecting = this.#connect(pool);
    } finally {
      stop();
      void before.then(pass);
    }
    return await connecting;
  }

  /**
   * The pool of the database, when it can give a connection. Where the server has all it may have, the
   * idle one of the database that was used longest ago is given up, and null is the answer.
   */
  #room(address: Address): pg.Pool | null {
    const pool = this.#poolOf(address);
    if (hasSpare(pool) || this.#open < this.#options.max) return pool;
    const idle = [...this.#pools.values()].find(hasSpare);
    idle?.connect().then(
      (client) => client.release(true),
      () => {},
    );
    return null;
  }

  async #connect(pool: pg.Pool): Promise<pg.PoolClient> {
    if (hasSpare(pool)) return await pool.connect();
    this.#open += 1;
    try {
      return await pool.connect();
    } catch (error) {
      this.#closed(pool);
      throw error;
    }
  }

  #poolOf(address: Address): pg.Pool {
    const key = JSON.stringify(address);
    const pool = this.#pools.get(key) ?? this.#newPool(address);
    this.#pools.delete(key);
    this.#pools.set(key, pool);
    return pool;
  }

  #newPool(address: Address): pg.Pool {
    const pool = new pg.Pool({ ...connectionConfig(address), ...this.#options });
    keepOnlyWhole(pool);
    pool.on("connect", (client) => void this.#clients.add(client as PooledClient));
    pool.on("release", (broken) => {
      // One that is broken or given up is closed next, which is told of then.
      if (!broken) this.#changed();
    });
    pool.on("remove", (client) => {
      this.#clients.delete(client as PooledClient);
      this.#closed(pool);
    });
    return pool;
  }

  #closed(pool: pg.Pool): void {
    this.#open -= 1;
    // A pool for each of thousands of databases is not kept when nobody uses it.
    if (pool.totalCount + pool.waitingCount === 0)
      for (const [key, kept] of this.#pools) if (kept === pool) this.#pools.delete(key);
    this.#changed();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}

/** Bounds a wait of several parts: each is cut off when the time of all of them is over. */
function patience(milliseconds: number) {
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => {});
  const timer = setTimeout(
    () => late.reject(new Error("timeout exceeded when waiting for a connection")),
    milliseconds,
  );
  return {
    inTime: <T>(wait: Promise<T>): Promise<T> => Promise.race([wait, late.promise]),
    stop: () => clearTimeout(timer),
  };
}

/** Whether a pool has an idle connection that it has not promised to anybody. */
const hasSpare = (pool: pg.Pool): boolean => pool.idleCount > pool.waitingCount;
