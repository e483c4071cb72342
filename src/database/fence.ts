import { createHash } from "node:crypto";
import type { ClientBase } from "pg";
import { sqlStateOf } from "./faults.ts";
import { literal } from "./sql.ts";

// Fencing an effect where it takes place
//
// Asking "am I still the owner?" before an effect leaves a gap in which a process can be frozen for minutes.
// So the database that the effect is made in knows the greatest token that was seen for each place, a session
// proves its token as it opens, and one with a greater token first ends the sessions of lower ones. A
// session that was checked before is found and ended, its transaction rolled back; one that opens later is
// refused.

/** The right to make effects in one place: of an operation, until it ends or is taken over. */
export interface Fence {
  /** Tells the place, alike in all databases of a server: `fenceKey`. */
  readonly key: string;
  /** Drawn from one sequence over all operations at each claim and each takeover: it only grows. */
  readonly token: number;
}

/** The schema of what Tenantry keeps about itself in databases of tenants. */
export const CONTROL_SCHEMA = "tenantry_control";

/** The SQLSTATE of a session whose token is too low: its work was taken over, or has ended. */
const FENCED = "TF001";

/**
 * The key of a tenant's place on a server. Not the tenant's id: a slug's next owner has another id and the
 * same names; roles bear one name over all databases of the server.
 *
 * @param sharedDatabase the server's shared tenant database, which tells several platforms apart
 */
export const fenceKey = (sharedDatabase: string, ownerRole: string): string =>
  createHash("sha256")
    .update(JSON.stringify([sharedDatabase, ownerRole]))
    .digest("hex")
    .slice(0, 16);

const proven = new WeakMap<ClientBase, Fence>();

/**
 * Makes a session one of this fence, or of none: proves the token in the connected database. The session
 * keeps the fence as a shared session lock, by which a later token finds it, until it is given to another.
 *
 * @throws what `isFenced` knows where a greater token was seen; SQLSTATE 55P03 where a former session does
 *   not end
 */
export async function enterAs(client: ClientBase, fence: Fence | null): Promise<void> {
  const before = proven.get(client);
  if (before?.key === fence?.key && before?.token === fence?.token) return;
  proven.delete(client);
  // Alone, what was proven before may be given up: its operation is done with the session.
  const leave = before ? [`select pg_catalog.pg_advisory_unlock_shared(${lockOf(before)})`] : [];
  const proof = [...leave, ...(fence ? [proving(fence)] : [])].join(";\n");
  try {
    await client.query(proof);
  } catch (error) {
    if (!isWithoutFences(error)) throw error;
    await client.query(MAKE_FENCES);
    await client.query(proof);
  }
  if (fence) proven.set(client, fence);
}

/**
 * Holds the fence of another session of the same database as well, for a session of a role that cannot
 * prove it. The other one has to be used behind this and before the first effect: so it was not ended.
 */
export async function holdFenceOf(other: ClientBase, client: ClientBase): Promise<void> {
  const fence = proven.get(other);
  if (fence) await client.query(`select pg_catalog.pg_advisory_lock_shared(${lockOf(fence)})`);
}

/** Whether a session was refused because a greater token was seen. */
export const isFenced = (error: unknown): boolean => sqlStateOf(error) === FENCED;

/** The greater token that a session was refused for. */
export function fencedBy(error: unknown): number {
  for (let at = error; at instanceof Error; at = at.cause)
    if ("detail" in at && /^\d+$/.test(String(at.detail))) return Number(at.detail);
  return 0;
}

const isWithoutFences = (error: unknown): boolean =>
  ["42P01", "3F000"].includes(sqlStateOf(error) ?? "");

/** One transaction. On a Citus cluster the table stays on the coordinator. */
const MAKE_FENCES = `
  select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('tenantry:fences', 0));
  set local citus.enable_schema_based_sharding = off;
  create schema if not exists ${CONTROL_SCHEMA};
  create table if not exists ${CONTROL_SCHEMA}.fence (key text primary key, token bigint not null)`;

const lockOf = ({ key }: Fence): string =>
  `pg_catalog.hashtextextended(${literal(`tenantry:fence=${key}`)}, 0)`;

/**
 * Whoever raises the row waits for those who prove a lower token at this moment, and finds their locks
 * behind that. The lock that is asked for without waiting spares most a look at all locks of the server.
 * A session that ends gives its lock back behind its transaction, so the lock is waited for:
 * `pg_terminate_backend` would look for the end of the session every 100 ms alone.
 */
const proving = (fence: Fence): string => `do $fence$
declare
  lock constant bigint := ${lockOf(fence)};
  patience constant text := current_setting('lock_timeout');
  seen bigint;
begin
  insert into ${CONTROL_SCHEMA}.fence as f (key, token) values (${literal(fence.key)}, ${fence.token})
    on conflict (key) do update set token = excluded.token where f.token < excluded.token;
  if found and pg_catalog.pg_try_advisory_lock(lock) then
    perform pg_catalog.pg_advisory_lock_shared(lock), pg_catalog.pg_advisory_unlock(lock);
    return;
  end if;
  if not found then
    select token into seen from ${CONTROL_SCHEMA}.fence where key = ${literal(fence.key)};
    if seen > ${fence.token} then
      raise exception 'the work was taken over, or has ended' using errcode = '${FENCED}', detail = seen;
    end if;
    if pg_catalog.pg_try_advisory_lock_shared(lock) then return; end if;
  end if;
  -- Any role may take the lock: alone, nobody else has a reason to.
  perform pg_catalog.pg_terminate_backend(l.pid) from pg_catalog.pg_locks l
    where l.locktype = 'advisory' and l.objsubid = 1 and l.pid <> pg_catalog.pg_backend_pid()
      and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
      and (l.classid::bigint << 32) | l.objid::bigint = lock
      and (seen is null or l.mode = 'ExclusiveLock');
  perform pg_catalog.set_config('lock_timeout', '5s', true);
  if seen is null then
    perform pg_catalog.pg_advisory_lock(lock);
    perform pg_catalog.pg_advisory_lock_shared(lock), pg_catalog.pg_advisory_unlock(lock);
  else
    perform pg_catalog.pg_advisory_lock_shared(lock);
  end if;
  perform pg_catalog.set_config('lock_timeout', patience, true);
end $fence$`;
