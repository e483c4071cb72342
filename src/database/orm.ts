import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { EntitySchema } from "@mikro-orm/core";
import type { Migrator } from "@mikro-orm/migrations";
import { type EntityManager, MikroORM } from "@mikro-orm/postgresql";
import { PATIENT, platformConfig } from "./connect.ts";
import { sqlStateOf } from "./faults.ts";
import { keepOnlyWhole, withConnection } from "./own-connection.ts";

export type { EntityManager };

/** The folder of the platform's own migrations. */
export const MIGRATIONS = join(import.meta.dirname, "../../migrations/platform");

/** The platform database's ORM. Every entity states its schema, so a fork's schema never moves it. */
export type Orm = MikroORM;

interface OrmOptions {
  /** Connection URL of the platform database. */
  readonly url: string;
  readonly entities: readonly EntitySchema[];
  /** Connections at most; 10 unless told. */
  readonly poolSize?: number;
  /** What its connections are for, and named after. */
  readonly part?: string;
}

/** Opens the ORM on the platform database; connects at the first query. */
export function openOrm(options: OrmOptions): Orm {
  const { url, entities, poolSize = 10, part } = options;
  // Not `init`, which loads the migrator and looks for more extensions.
  return new MikroORM({
    clientUrl: url,
    entities: [...entities],
    pool: { min: 0, max: poolSize, idleTimeoutMillis: 30_000 },
    // The ORM itself reads host, user and database from the URL, and nothing else.
    driverOptions: {
      ...platformConfig(url, part, {
        // A process that froze in a transaction must not hold what another process has taken over.
        idle_in_transaction_session_timeout: 10_000,
      }),
      onPoolCreated: keepOnlyWhole,
    },
    forceUtcTimezone: true,
    // What went wrong is thrown; the migrator would tell the console of what went right.
    logger: () => {},
    ignoreUndefinedInQuery: false,
    migrations: {
      path: MIGRATIONS,
      glob: "Migration*.{ts,js}",
      schema: "platform",
      tableName: "migration",
      snapshot: false,
    },
  });
}

/** The migrator of the platform schema, which is loaded here: commands that find it made need none. */
export async function openMigrator(orm: Orm): Promise<Migrator> {
  const { Migrator } = await import("@mikro-orm/migrations");
  return new Migrator(orm.em);
}

/**
 * Brings the platform schema to the newest migration; several processes may call it at once.
 *
 * @returns the names of the migrations that were applied, none when it was up to date
 */
export async function migratePlatform(orm: Orm, url: string): Promise<string[]> {
  return await withConnection(platformConfig(url, "migrations", PATIENT), async (client) => {
    await client.query(
      "select pg_advisory_lock(hashtextextended('tenantry:platform-migrations', 0))",
    );
    await client.query("create schema if not exists platform");
    const migrator = await openMigrator(orm);
    const pending = await migrator.getPending();
    for (const { name } of pending) await applyGivingWay(orm, migrator, name);
    return pending.map(({ name }) => name);
  });
}

/** Shorter than PostgreSQL waits before it looks for a deadlock, and ends one of those in it. */
const LOCK_MS = 200;
const PAUSE_MS = 100;
const GIVE_WAY_FOR_MS = 600_000;
/** A lock that is not there, and a deadlock that was found all the same. */
const GIVES_WAY = ["55P03", "40P01"];

/**
 * Applies one migration in a transaction of its own. Whoever works meanwhile comes first: a lock that is
 * not there at once would hold up all who come behind, or end in a deadlock, so everything is let go and
 * begun again.
 *
 * @throws SQLSTATE 55P03 where somebody holds a lock for 10 minutes; what the migration itself fails with
 */
async function applyGivingWay(orm: Orm, migrator: Migrator, name: string): Promise<void> {
  const until = performance.now() + GIVE_WAY_FOR_MS;
  for (;;) {
    try {
      return await orm.em.fork().transactional(async (em) => {
        await em.execute(`set local lock_timeout = ${LOCK_MS}`);
        const transaction = em.getTransactionContext();
        await migrator.up({ migrations: [name], transaction });
      });
    } catch (error) {
      const isLocked = GIVES_WAY.includes(sqlStateOf(error) ?? "");
      if (!isLocked || performance.now() > until) throw error;
    }
    await delay(PAUSE_MS);
  }
}
