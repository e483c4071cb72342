import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { HeartbeatData, HeartbeatMessage } from "./heartbeat-thread.ts";
import { frozenCount, newPulse, noticeFreeze, turn } from "./pulse.ts";

/** The heartbeat of this process, which a thread keeps up however busy the process is. */
export interface Heartbeat {
  /**
   * How often this process was frozen, or its event loop hung, for longer than its time to live: others
   * may have taken over what it held before.
   */
  frozen(): bigint;
  /** Whether the thread has died again and again, so that only a new process can help. */
  isBroken(): boolean;
  stop(): Promise<void>;
}

export interface HeartbeatOptions extends Omit<HeartbeatData, "pulse"> {
  /** Called once for each freeze, before anything that asks `frozen` goes on. */
  onFrozen(): void;
  /** There is no row of this worker. */
  onMissing(): void;
  onError(error: unknown): void;
}

const TURN_MS = 500;
const RESTART_MS = 1_000;
/** A thread that has died so often within a minute is given up. */
const MOST_DEATHS = 5;
const STOP_MS = 2_000;

/** Starts the thread, and starts it again when it dies. */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { onFrozen, onMissing, onError, ...data } = options;
  const pulse = newPulse();
  let known = frozenCount(pulse);
  let stopped = false;
  let deaths: number[] = [];

  const frozen = () => {
    noticeFreeze(pulse, data.timeToLiveMs);
    const count = frozenCount(pulse);
    if (count > known) {
      known = count;
      onFrozen();
    }
    return count;
  };
  const start = (): Worker => {
    const thread = new Worker(new URL("./heartbeat-thread.ts", import.meta.url), {
      workerData: { ...data, pulse } satisfies HeartbeatData,
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    });
    thread.unref();
    thread.on("message", (message: HeartbeatMessage) => {
      frozen();
      if ("missing" in message) onMissing();
      if ("failed" in message) onError(new Error(message.failed));
    });
    thread.on("error", onError);
    thread.once("exit", () => {
      if (stopped) return;
      deaths = [...deaths.filter((at) => performance.now() - at < 60_000), performance.now()];
      setTimeout(() => {
        if (!stopped) current = start();
      }, RESTART_MS).unref();
    });
    return thread;
  };
  let current = start();
  const turning = setInterval(() => {
    turn(pulse);
    frozen();
  }, TURN_MS);
  return {
    frozen,
    isBroken: () => deaths.length >= MOST_DEATHS,
    stop: async () => {
      stopped = true;
      clearInterval(turning);
      const thread = current;
      const ended = once(thread, "exit");
      thread.postMessage("stop");
      await Promise.race([ended, delay(STOP_MS)]);
      await thread.terminate();
    },
  };
}
