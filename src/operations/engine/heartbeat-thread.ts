// The heartbeat of a worker: a thread with a connection of its own, which waits neither behind the work of
// its process nor for a place in a pool.

import { parentPort, workerData } from "node:worker_threads";
import type pg from "pg";
import { PATIENT, platformConfig } from "../../database/connect.ts";
import { newClient, outliveBreaks } from "../../database/own-connection.ts";
import { countFreeze, frozenCount, noticeFreeze, type Pulse, seeThread, turns } from "./pulse.ts";

/** What the thread is started with. */
export interface HeartbeatData {
  readonly pulse: Pulse;
  readonly url: string;
  readonly executorId: string;
  readonly beatMs: number;
  readonly timeToLiveMs: number;
  /** A process whose event loop has not turned for so long is not kept alive. */
  readonly hungMs: number;
}

/** What the thread sends to its process. */
export type HeartbeatMessage =
  /** The process was frozen, or its event loop hung: it is to give up what it holds. */
  | { readonly frozen: true }
  /** There is no row to keep fresh. */
  | { readonly missing: true }
  | { readonly failed: string };

const { pulse, url, executorId, beatMs, timeToLiveMs, hungMs } = workerData as HeartbeatData;
const send = (message: HeartbeatMessage) => parentPort?.postMessage(message);

const config = {
  ...platformConfig(url, "heartbeat", PATIENT),
  // A beat that takes longer is worth nothing: the next one gets a new connection.
  connectionTimeoutMillis: timeToLiveMs,
  query_timeout: timeToLiveMs,
};
let client: pg.Client | undefined;

async function connect(): Promise<pg.Client> {
  const next = newClient(config);
  outliveBreaks(next);
  client = next;
  await next.connect();
  return next;
}

async function beat(): Promise<void> {
  try {
    const { rowCount } = await (client ?? (await connect())).query(
      "update platform.worker set seen_at = now() where executor_id = $1",
      [executorId],
    );
    if (rowCount === 0) send({ missing: true });
  } catch (error) {
    const broken = client;
    client = undefined;
    send({ failed: error instanceof Error ? error.message : String(error) });
    await broken?.end().catch(() => {});
  }
}

let wall = Date.now();
let turned = { count: turns(pulse), at: performance.now() };
let hung = false;
let reported = frozenCount(pulse);
let nextBeat = 0;
let beating = false;

function tick(): void {
  noticeFreeze(pulse, timeToLiveMs);
  // The monotonic clock stands still in a machine that is suspended; the date does not.
  if (frozenCount(pulse) === reported && Date.now() - wall > timeToLiveMs) countFreeze(pulse);
  if (frozenCount(pulse) === reported) watchProcess();
  else turned = { count: turns(pulse), at: performance.now() };
  if (frozenCount(pulse) > reported) send({ frozen: true });
  reported = frozenCount(pulse);
  wall = Date.now();
  seeThread(pulse);
  if (hung || beating || performance.now() < nextBeat) return;
  nextBeat = performance.now() + beatMs;
  beating = true;
  void beat().finally(() => {
    beating = false;
  });
}

/** An event loop that hangs is as good as frozen: others take over, and it gives up what it holds. */
function watchProcess(): void {
  const count = turns(pulse);
  const at = performance.now();
  if (count !== turned.count) {
    turned = { count, at };
    hung = false;
  } else if (!hung && at - turned.at > hungMs) {
    hung = true;
    countFreeze(pulse);
  }
}

tick();
const ticking = setInterval(tick, Math.min(500, beatMs / 4));
parentPort?.once("message", () => {
  clearInterval(ticking);
  parentPort?.close();
  void client?.end().catch(() => {});
});
