import type { EntityManager } from "@mikro-orm/postgresql";
import type { ClientBase } from "pg";
import { giveUp } from "./own-connection.ts";

// Advisory locks are known by a number; two names share one with a chance of 2^-64, and then wait.

/** Serialises the transactions that name the same thing, until each of them ends. */
export async function serialise(em: EntityManager, name: string): Promise<void> {
  await em.execute("select pg_catalog.pg_advisory_xact_lock(hashtextextended(?, 0))", [
    `tenantry:${name}`,
  ]);
}

/** As `serialise`, without waiting: false where another transaction is at it. */
export async function trySerialise(em: EntityManager, name: string): Promise<boolean> {
  const [row] = await em.execute<{ locked: boolean }[]>(
    "select pg_catalog.pg_try_advisory_xact_lock(hashtextextended(?, 0)) as locked",
    [`tenantry:${name}`],
  );
  return row?.locked === true;
}

/** As `serialise`, in the open transaction of a connection. Locks of one database are not seen in another. */
export const serialiseOn = (client: ClientBase, name: string): Promise<void> =>
  lock(client, "pg_advisory_xact_lock", name);

/**
 * Runs `fn` while this connection holds the session advisory lock of that name; waits for it as long as
 * it takes. Needs a direct connection: a transaction-mode pooler would orphan the lock.
 */
export async function withSessionLock<T>(
  client: ClientBase,
  name: string,
  fn: () => Promise<T>,
): Promise<T> {
  await lock(client, "pg_advisory_lock", name);
  try {
    return await fn();
  } finally {
    // A connection that cannot unlock ends, and its lock with it: the answer of `fn` stands.
    await client
      .query("select pg_catalog.pg_advisory_unlock(hashtextextended($1, 0))", [`tenantry:${name}`])
      .catch(() => giveUp(client));
  }
}

async function lock(
  client: ClientBase,
  kind: "pg_advisory_lock" | "pg_advisory_xact_lock",
  name: string,
): Promise<void> {
  const key = [`tenantry:${name}`];
  const { rows } = await client.query<{ locked: boolean }>(
    `select pg_catalog.${kind.replace("pg_", "pg_try_")}(hashtextextended($1, 0)) as locked`,
    key,
  );
  if (rows[0]?.locked) return;
  await client.query(END_INTRUDERS, key);
  await client.query(`select pg_catalog.${kind}(hashtextextended($1, 0))`, key);
}

/**
 * Any role may take any advisory lock: an application that takes ours, or waits for it before us, could
 * keep its own tenant from being closed. So sessions of roles that are no admins are ended there.
 */
const END_INTRUDERS = `select pg_catalog.pg_terminate_backend(a.pid)
  from pg_catalog.pg_locks l
  join pg_catalog.pg_stat_activity a on a.pid = l.pid and a.datname = current_database()
  join pg_catalog.pg_roles r on r.oid = a.usesysid
  where l.locktype = 'advisory' and l.objsubid = 1
    and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended($1, 0)
    and not (r.rolsuper or r.rolcreaterole) and pg_has_role(r.oid, 'usage')`;
