import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { DBOS } from "@dbos-inc/dbos-sdk";
import type { Orm } from "../../database/orm.ts";
import type { Logger } from "../../observability/logger.ts";
import { abilitiesOf, whyLeave } from "./abilities.ts";
import { type BackgroundPorts, deliver, endTimer } from "./background.ts";
import { openClaims } from "./claims.ts";
import { migrateCheckpoints, platformTransactions } from "./data-source.ts";
import {
  assertKnownDbos,
  assertKnownLaunch,
  boundRetryPause,
  endLostRuns,
  isLoopEnded,
} from "./dbos-internals.ts";
import { openEnginePool } from "./engine-pool.ts";
import { describeFailure } from "./failure.ts";
import type { Feed } from "./feed.ts";
import { type Beat, startLiveness } from "./liveness.ts";
import type { AnyOperation } from "./phase.ts";
import { APPLICATION, MAIL_WORKFLOW, QUEUE, TIMER_WORKFLOW, WORKFLOW } from "./queue.ts";
import { runOperation } from "./run-operation.ts";
import { openRuns } from "./runs.ts";
import type { RetryPolicy, RunPorts } from "./step.ts";
import { isPollLate, watchQueue } from "./watch-queue.ts";

/** A process that runs operations. */
export interface Worker {
  /** Takes no more operations, lets running ones end for `graceMs`, and leaves the rest to others. */
  stop(graceMs?: number): Promise<void>;
  /** What only a new process mends; null while there is no such thing. */
  broken(): string | null;
  /** Whether it has not polled its queue for a minute; while its database is away it cannot. */
  isStalled(): boolean;
}

/** What a worker needs. */
export interface WorkerOptions extends Beat, BackgroundPorts {
  readonly orm: Orm;
  /** Connection URL of the platform database, where the engine keeps its own tables. */
  readonly url: string;
  readonly definitions: readonly AnyOperation[];
  readonly feed: Pick<Feed, "onEnqueued">;
  /** Ends what a former owner of an operation may still be about to do. */
  fenceOff: RunPorts["fenceOff"];
  readonly retry?: RetryPolicy;
  /** Identifies the migration folder and seeds of this worker; null where they are refused. */
  fingerprint(): Promise<string | null>;
  /** Ends the sessions into db servers: the process was frozen, and others may have taken over. */
  endSessions(): void;
  /** Poll interval without notifications; 100 ms unless given. */
  readonly pollEveryMs?: number;
}

const RETRY: RetryPolicy = {
  maxAttempts: 6,
  // Some 30 minutes: what an undo leaves behind somebody has to clear away by hand.
  maxUndoAttempts: 180,
  firstPauseSeconds: 0.5,
  backoffRate: 2,
};

/** Operations of one partition (a db server) over all workers, at a time. */
const PER_PARTITION = 4;
/** And of one worker: they wait for servers, and those of many that answer nothing must not fill it. */
const PER_WORKER = 64;

/**
 * Starts this process as a worker; one per process, since the durable engine is a static object.
 *
 * The heartbeat begins before the launch, so that no sweep of another worker takes this one for dead.
 *
 * @throws UnfitPlatform when the engine, or a table of it, is not as this program knows it
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { orm, url, log, retry = RETRY, pollEveryMs = 100 } = options;
  assertKnownDbos();
  await migrateCheckpoints(orm);
  const executorId = `${hostname()}-${randomUUID()}`;
  const definitions = new Map(
    options.definitions.map((definition) => [definition.kind, definition]),
  );
  const transact = platformTransactions(orm, (error) => {
    const failure = describeFailure(error, null);
    const { code } = failure;
    if (code === "E_INTERNAL") log.error({ err: error, code }, "platform step failed");
    return failure;
  });
  const claims = openClaims(log);
  const { beatMs, timeToLiveMs, hungMs, fenceOff, fingerprint } = options;
  const liveness = await startLiveness({
    orm,
    url,
    executorId,
    beatMs,
    timeToLiveMs,
    hungMs,
    fingerprint,
    ...claims,
    host: hostname(),
    pid: process.pid,
    abilities: abilitiesOf(options.definitions),
    onFrozen: () => {
      log.warn("this process was frozen: what it ran is given up");
      runs.giveUp();
      options.endSessions();
    },
    onError: (error) => log.warn({ err: error }, "heartbeat failed"),
  });
  const runs = openRuns(liveness.frozen, log);
  const own = { executorId, definitions, fingerprint };
  const held = (id: string, work: (ports: RunPorts) => Promise<void>) =>
    runs.run(id, async (assertHeld) => {
      const heldTransact: RunPorts["transact"] = async (name, step) => {
        assertHeld();
        return await transact(name, step);
      };
      await work({ orm, log, retry, definitions, fenceOff, assertHeld, transact: heldTransact });
    });
  const operation = (id: string) =>
    held(id, async (ports) => {
      const why = await whyLeave(orm, own, id);
      if (why !== null) claims.leave(id, why);
      await runOperation(ports, id);
    });
  const inBackground = (work: (transact: RunPorts["transact"]) => Promise<void>) =>
    held(DBOS.workflowID ?? "", async (ports) => await work(ports.transact));
  DBOS.registerWorkflow(operation, { name: WORKFLOW });
  DBOS.registerWorkflow(() => inBackground((each) => deliver(options, each)), {
    name: MAIL_WORKFLOW,
  });
  DBOS.registerWorkflow((id: string) => inBackground((each) => endTimer(options, each, id)), {
    name: TIMER_WORKFLOW,
  });
  const pool = openEnginePool(url, 10);
  DBOS.setConfig({
    name: APPLICATION,
    systemDatabaseUrl: url,
    systemDatabasePool: pool,
    executorID: executorId,
    applicationVersion: "1",
    enablePatching: true,
    useListenNotify: true,
    logger: engineLog(log),
  });
  // Where the database was away for long, too, it is found to be back within seconds.
  boundRetryPause(2);
  await DBOS.launch();
  assertKnownLaunch();
  endLostRuns();
  const queue = await DBOS.registerQueue(QUEUE, {
    workerConcurrency: PER_WORKER,
    partitionConcurrency: PER_PARTITION,
    minPollingIntervalMs: pollEveryMs,
    onConflict: "always_update",
  });
  const endWatch = watchQueue(options, queue);
  return {
    isStalled: () => isPollLate(QUEUE),
    broken: () => {
      if (liveness.isBroken()) return "the heartbeat thread dies again and again";
      return isLoopEnded() ? "the engine has ended" : null;
    },
    stop: async (graceMs = 20_000) => {
      await endWatch();
      await DBOS.shutdown({ deregister: true, workflowCompletionTimeoutMS: graceMs });
      if (!pool.ending) await pool.end();
      await liveness.stop();
    },
  };
}

/** The engine's own log lines, below ours: its "info" is our "debug", and we log retries ourselves. */
function engineLog(log: Logger) {
  const to = (level: "debug" | "warn") => (entry: unknown) =>
    log[level]({ engine: true }, String(entry));
  return { debug: () => {}, info: to("debug"), warn: to("debug"), error: to("warn") };
}
