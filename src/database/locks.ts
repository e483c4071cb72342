import type { EntityManager } from "@mikro-orm/postgresql";
import type { ClientBase } from "pg";

// Advisory locks are known by a number; two names share one with a chance of 2^-64, and then wait.

/** Serialises the transactions that name the same thing, until each of them ends. */
export async function serialise(em: EntityManager, name: string): Promise<void> {
  await em.execute("select pg_catalog.pg_advisory_xact_lock(hashtextextended(?, 0))", [
    `tenantry:${name}`,
  ]);
}

/** As `serialise`, in the open transaction of a connection. Locks of one database are not seen in another. */
export async function serialiseOn(client: ClientBase, name: string): Promise<void> {
  await client.query("select pg_catalog.pg_advisory_xact_lock(hashtextextended($1, 0))", [
    `tenantry:${name}`,
  ]);
}

/**
 * Runs `fn` while this connection holds the session advisory lock of that name; waits for it as long as
 * it takes. Needs a direct connection: a transaction-mode pooler would orphan the lock.
 */
export async function withSessionLock<T>(
  client: ClientBase,
  name: string,
  fn: () => Promise<T>,
): Promise<T> {
  await client.query("select pg_catalog.pg_advisory_lock(hashtextextended($1, 0))", [
    `tenantry:${name}`,
  ]);
  try {
    return await fn();
  } finally {
    // A connection that cannot unlock is lost, and its lock with it: the answer of `fn` stands.
    await client
      .query("select pg_catalog.pg_advisory_unlock(hashtextextended($1, 0))", [`tenantry:${name}`])
      .catch(() => undefined);
  }
}
