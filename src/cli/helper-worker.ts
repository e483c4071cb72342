import { workersSeen } from "../operations/engine/liveness.ts";
import { announceProcess } from "../operations/health/processes.ts";
import type { Platform } from "../platform.ts";
import { startPlatformWorker } from "../worker.ts";
import type { Output } from "./terminal/output.ts";

/** A worker that died is noticed this much after its row has grown stale. */
const LOOK_MS = 2_000;

/** Sees to it that an operation which the command waits for has a worker to run it. */
export interface HelperWorker {
  /** Whether the command runs operations itself, since nobody else does. */
  readonly isOurs: boolean;
  /** Lets running operations end, and leaves the rest to others. */
  stop(): Promise<void>;
}

/**
 * Brings a worker along when none is alive, now or later: the one that there was may be a row that a
 * crash has left behind.
 */
export async function bringWorkerAlong(platform: Platform, out: Output): Promise<HelperWorker> {
  let own: Awaited<ReturnType<typeof startPlatformWorker>> | undefined;
  let endAnnouncement: (() => Promise<void>) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();
  let stopped = false;

  const look = async () => {
    if ((await workersSeen(platform.orm.em.fork())).alive > 0) return;
    own = await startPlatformWorker(platform);
    endAnnouncement = announceProcess(platform, "command");
  };
  const lookLater = () => {
    if (stopped || own) return;
    timer = setTimeout(() => {
      looking = look()
        .catch((error: unknown) => out.note(`No worker could be started: ${String(error)}`))
        .then(lookLater);
    }, LOOK_MS);
  };

  await look();
  lookLater();
  return {
    get isOurs() {
      return own !== undefined;
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await looking;
      await own?.stop();
      await endAnnouncement?.();
    },
  };
}
