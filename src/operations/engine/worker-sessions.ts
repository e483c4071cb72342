import { hostname } from "node:os";
import type { EntityManager } from "../../database/orm.ts";

/** A session's name has 63 bytes, and begins with what the connection is for. */
const MARK_LENGTH = 40;

/** What the names of this process's sessions as a worker end with. */
export const WORKER_MARK = `${process.pid}@${hostname()}`.slice(0, MARK_LENGTH);

/**
 * Ends the sessions on the platform database of workers that are dead: of a frozen one they hold what its
 * transactions have locked. Those of this process are its own affair.
 */
export async function endSessionsOf(em: EntityManager, executorIds: string[]): Promise<void> {
  await em.execute(
    `select pg_catalog.pg_terminate_backend(a.pid)
     from (select left(pid || '@' || host, ?) as mark, seen_at from platform.worker
       where executor_id = any (select jsonb_array_elements_text(?::jsonb))) dead
     join pg_catalog.pg_stat_activity a on right(a.application_name, length(mark) + 1) = ' ' || mark
     where mark <> ? and a.datname = current_database() and a.usename = current_user
       -- A process that was started again may have the same host and number.
       and a.backend_start <= dead.seen_at`,
    [MARK_LENGTH, JSON.stringify(executorIds), WORKER_MARK],
  );
}
