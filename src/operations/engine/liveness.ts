import type { EntityManager, Orm } from "../../database/orm.ts";

/** A worker that was not seen for this long is dead, by the database's clock. */
const TIME_TO_LIVE = "6 seconds";
const BEAT_MS = 2_000;
const SWEEP_MS = 1_000;

/** Keeps a worker's row fresh and finds operations whose worker is dead. */
export interface Liveness {
  /** Ends the beats and says so in the row, so that others take over at once what is left. */
  stop(): Promise<void>;
}

interface LivenessOptions {
  readonly orm: Orm;
  readonly executorId: string;
  readonly host: string;
  readonly pid: number;
  /** Takes up the operations of dead workers; fenced, so that a wrong belief does no harm. */
  recover(deadExecutorIds: string[]): Promise<unknown>;
  onError(error: unknown): void;
}

async function beat(em: EntityManager, { executorId, host, pid }: LivenessOptions): Promise<void> {
  await em.execute(
    `insert into platform.worker (executor_id, host, pid) values (?, ?, ?)
     on conflict (executor_id) do update set seen_at = now(), stopped_at = null`,
    [executorId, host, pid],
  );
}

/** Workers that hold unfinished operations and are not alive; forgets rows that have been dead for a day. */
async function findDead(em: EntityManager): Promise<string[]> {
  await em.execute("delete from platform.worker where seen_at < now() - interval '1 day'");
  const rows = await em.execute<{ executor_id: string }[]>(
    `select distinct status.executor_id from dbos.workflow_status status
     left join platform.worker worker using (executor_id)
     where status.status = 'PENDING' and status.executor_id is not null
       and (worker.executor_id is null or worker.stopped_at is not null
         or worker.seen_at < now() - ?::interval)`,
    [TIME_TO_LIVE],
  );
  return rows.map((row) => row.executor_id);
}

/** Who runs operations. */
export interface WorkersSeen {
  /** How many workers are alive: seen within their time to live. */
  readonly alive: number;
  /** When one was last seen; null where that is more than a day ago, or never was. */
  readonly lastSeenAt: Date | null;
}

/** How many workers are alive, and when one was last seen. */
export async function workersSeen(em: EntityManager): Promise<WorkersSeen> {
  const [row] = await em.execute<{ alive: number; last: string | null }[]>(
    `select count(*) filter (where stopped_at is null and seen_at > now() - ?::interval)::int as alive,
       to_json(max(coalesce(stopped_at, seen_at))) #>> '{}' as last from platform.worker`,
    [TIME_TO_LIVE],
  );
  const { alive = 0, last = null } = row ?? {};
  return { alive, lastSeenAt: last === null ? null : new Date(last) };
}

/** The beginning of a sentence: that no worker is alive, and since when; null where one is. */
export function missingWorker({ alive, lastSeenAt }: WorkersSeen): string | null {
  if (alive > 0) return null;
  const last = lastSeenAt === null ? "for a day or longer" : `since ${lastSeenAt.toISOString()}`;
  return `no worker is alive (${last})`;
}

/** Runs `work` every `everyMs` after it ended, never twice at once, until it is stopped. */
export function repeat(
  everyMs: number,
  work: () => Promise<unknown>,
  onError: (error: unknown) => void,
): () => Promise<void> {
  let stopped = false;
  let running = Promise.resolve();
  const tick = () => {
    running = work()
      .catch(onError)
      .then(() => {
        if (!stopped) timer = setTimeout(tick, everyMs);
      });
  };
  let timer = setTimeout(tick, everyMs);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}

/**
 * Begins a worker's beats (every 2 s) and its look for dead workers (every 1 s, dead after 6 s).
 * The open-source engine recovers its own process only: taking over another's operations is ours.
 */
export async function startLiveness(options: LivenessOptions): Promise<Liveness> {
  const em = () => options.orm.em.fork();
  await beat(em(), options);
  const endBeats = repeat(BEAT_MS, () => beat(em(), options), options.onError);
  const sweep = async () => {
    const dead = (await findDead(em())).filter((id) => id !== options.executorId);
    if (dead.length > 0) await options.recover(dead);
  };
  const endSweeps = repeat(SWEEP_MS, sweep, options.onError);
  return {
    stop: async () => {
      await Promise.all([endBeats(), endSweeps()]);
      await em().execute("update platform.worker set stopped_at = now() where executor_id = ?", [
        options.executorId,
      ]);
    },
  };
}
