import type { EntityManager, Orm } from "../../database/orm.ts";
import type { Abilities } from "./abilities.ts";
import type { Claims } from "./claims.ts";
import { WORKFLOWS } from "./dbos-tables.ts";
import { type Heartbeat, type HeartbeatOptions, startHeartbeat } from "./heartbeat.ts";
import { endSessionsOf } from "./worker-sessions.ts";

/** How often a worker says that it is alive, and how long the others believe it. */
export interface Beat {
  /** 2 s unless given. */
  readonly beatMs?: number | undefined;
  /** A worker that was not seen for so long is dead, by the database's clock; 6 s unless given. */
  readonly timeToLiveMs?: number | undefined;
  /** Nor is one alive whose event loop has not turned for so long; 30 s unless given. */
  readonly hungMs?: number | undefined;
}

const SWEEP_MS = 1_000;

/** A deploy changes the migration folder under a worker that runs. */
const ENROL_MS = 20_000;

/** A claim that is older and that this process does not run was lost: its answer did not arrive. */
const LOST_CLAIM_MS = 3_000;

/** Keeps a worker's row fresh, and finds work that nobody runs. */
export interface Liveness extends Pick<Heartbeat, "frozen" | "isBroken"> {
  /** Ends the beats and says so in the row, so that others take over at once what is left. */
  stop(): Promise<void>;
}

interface LivenessOptions
  extends Beat,
    Omit<Claims, "leave">,
    Pick<HeartbeatOptions, "url" | "executorId" | "onFrozen"> {
  readonly orm: Orm;
  readonly host: string;
  readonly pid: number;
  /** What this worker can run. */
  readonly abilities: Abilities;
  /** Tells its migration folder and seeds from those of others. */
  fingerprint(): Promise<string | null>;
  onError(error: unknown): void;
}

/** Whether a row of `worker` is of a process that is alive. */
export const ALIVE = "(stopped_at is null and seen_at > now() - time_to_live)";

async function enrol(
  em: EntityManager,
  { executorId, host, pid, abilities, fingerprint }: LivenessOptions,
  timeToLiveMs: number,
): Promise<void> {
  await em.execute(
    `insert into platform.worker (executor_id, host, pid, time_to_live, kinds, folder)
     values (?, ?, ?, ? * interval '1 millisecond', ?::jsonb, ?)
     on conflict (executor_id) do update set folder = excluded.folder`,
    [executorId, host, pid, timeToLiveMs, JSON.stringify(abilities), await fingerprint()],
  );
}

/** Workers that hold unfinished operations and are not alive; forgets rows that have been dead for a day. */
async function findDead(em: EntityManager): Promise<string[]> {
  await em.execute("delete from platform.worker where seen_at < now() - interval '1 day'");
  const rows = await em.execute<{ executor_id: string }[]>(
    `select distinct workflow.executor_id from ${WORKFLOWS} workflow
     left join platform.worker worker using (executor_id)
     where workflow.status = 'PENDING' and workflow.executor_id is not null
       and (worker.executor_id is null or not ${ALIVE})`,
  );
  return rows.map((row) => row.executor_id);
}

/** What the engine believes that this worker has been running for a while. */
async function findClaims(em: EntityManager, executorId: string): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    `select id from ${WORKFLOWS} workflow
     where status = 'PENDING' and executor_id = ?
       and coalesce(started_ms, updated_ms)
         < extract(epoch from clock_timestamp()) * 1000 - ?`,
    [executorId, LOST_CLAIM_MS],
  );
  return rows.map((row) => row.id);
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
    `select count(*) filter (where ${ALIVE})::int as alive,
       to_json(max(coalesce(stopped_at, seen_at))) #>> '{}' as last from platform.worker`,
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
 * Begins a worker's heartbeat, and its checks for dead workers and for lost claims of its own. The open-source
 * engine recovers its own process only, as it starts: the rest is ours.
 */
export async function startLiveness(options: LivenessOptions): Promise<Liveness> {
  const {
    orm,
    executorId,
    onError,
    beatMs = 2_000,
    timeToLiveMs = 6_000,
    hungMs = 30_000,
  } = options;
  const em = () => orm.em.fork() as EntityManager;
  const enrolAgain = () => enrol(em(), options, timeToLiveMs);
  await enrolAgain();
  const heartbeat = startHeartbeat({
    url: options.url,
    executorId,
    beatMs,
    timeToLiveMs,
    hungMs,
    onFrozen: options.onFrozen,
    onError,
    onMissing: () => void enrolAgain().catch(onError),
  });
  const sweep = async () => {
    const dead = (await findDead(em())).filter((id) => id !== executorId);
    if (dead.length > 0) {
      await endSessionsOf(em(), dead);
      await options.recover(dead);
    }
    const lost = (await findClaims(em(), executorId)).filter((id) => !options.isRunning(id));
    if (lost.length > 0) await options.putBack(lost);
  };
  const endEnrolling = repeat(ENROL_MS, enrolAgain, onError);
  const endSweeps = repeat(Math.min(SWEEP_MS, timeToLiveMs / 6), sweep, onError);
  return {
    frozen: heartbeat.frozen,
    isBroken: heartbeat.isBroken,
    stop: async () => {
      await Promise.all([heartbeat.stop(), endSweeps(), endEnrolling()]);
      await em().execute("update platform.worker set stopped_at = now() where executor_id = ?", [
        executorId,
      ]);
    },
  };
}
