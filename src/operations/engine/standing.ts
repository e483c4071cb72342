import type { EntityManager } from "../../database/orm.ts";
import { WORKFLOWS } from "./dbos-tables.ts";
import { ALIVE } from "./liveness.ts";

/** A worker that is alive. */
export interface WorkerSeen {
  readonly host: string;
  readonly pid: number;
  readonly seenAt: Date;
  /** How many operations it has claimed. */
  readonly running: number;
}

/** The workers that are alive, the longest there first. */
export async function workersAlive(em: EntityManager): Promise<WorkerSeen[]> {
  const rows = await em.execute<(Omit<WorkerSeen, "seenAt"> & { seen: string })[]>(
    `select worker.host, worker.pid, to_json(worker.seen_at) #>> '{}' as seen,
       (select count(*)::int from ${WORKFLOWS} as work join platform.operation on operation.id::text = work.id
        where work.executor_id = worker.executor_id and operation.finished_at is null) as running
     from platform.worker where ${ALIVE} order by worker.executor_id`,
  );
  return rows.map(({ seen, ...worker }) => ({ ...worker, seenAt: new Date(seen) }));
}

/** The operations that wait for a worker. */
export interface QueueSeen {
  readonly pending: number;
  /** How long the oldest has waited; null where none waits. */
  readonly oldestSeconds: number | null;
}

/** How many operations wait for a worker, and for how long, by the database's clock. */
export async function queueSeen(em: EntityManager): Promise<QueueSeen> {
  const [row] = await em.execute<QueueSeen[]>(
    `select count(*)::int as pending,
       extract(epoch from now() - min(created_at))::float as "oldestSeconds"
     from platform.operation where state = 'PENDING'`,
  );
  return row ?? { pending: 0, oldestSeconds: null };
}
