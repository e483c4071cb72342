// A worker that its parent lets take up work, or stand by. Its connections to PostgreSQL go through the proxy
// where there is one, though everybody knows the server by its own address.

import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { DBOSExecutor } from "@dbos-inc/dbos-sdk/internal/dbos-executor";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { QUEUE } from "../../src/operations/engine/queue.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { openTestStore } from "../kit/key-vault.ts";
import { wrapOperations } from "../kit/wrap.ts";
import type { Order, WorkerSettings } from "./worker-process.ts";

const settings = JSON.parse(process.argv[2] ?? "{}") as WorkerSettings;
const { environment, through, vaultUrl } = settings;

if (through) {
  const { from, to } = through;
  const plain = Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket;
  // Node passes on what it has normalised as an array with a symbol of its own.
  const redirect = (part: unknown): unknown => {
    if (part === from) return to;
    if (part === null || typeof part !== "object" || !("port" in part || Array.isArray(part)))
      return part;
    return Array.isArray(part)
      ? Object.defineProperties(
          part.map(redirect),
          Object.fromEntries(
            Object.getOwnPropertySymbols(part).map((symbol) => [
              symbol,
              { value: Reflect.get(part, symbol) as unknown },
            ]),
          ),
        )
      : { ...part, port: part.port === from ? to : part.port };
  };
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
    return plain.apply(this, args.map(redirect));
  } as typeof Socket.prototype.connect;
}

const LOOK_MS = 1_000;
/** Nothing looks into the queue by itself. */
const NEVER_MS = 3_600_000;
/** A look that is under way has ended. */
const LOOKED_MS = 150;

const secrets = vaultUrl === null ? {} : { secrets: openTestStore(vaultUrl) };
const platform = await assemble(readConfig(environment), secrets);
const listeners = new Set<() => void>();
let isWorking = false;
let failing: Readonly<Record<string, string>> = {};

/** Looks into the queue as it does otherwise, at each notification and at fixed intervals, while it works. */
const look = () => {
  if (isWorking) for (const listener of listeners) listener();
};
platform.feed.onEnqueued(look);
setInterval(look, LOOK_MS);
const feed: typeof platform.feed = Object.create(platform.feed, {
  onEnqueued: {
    value: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  },
});
const definitions = wrapOperations(platform.definitions, {
  afterEffect: async (phase, { subjectName }) => {
    if (failing[subjectName] === phase) throw new Error("planned failure");
  },
});
await startPlatformWorker(
  { ...platform, definitions, feed },
  { ...settings.options, pollEveryMs: NEVER_MS },
);

const running = () =>
  DBOSExecutor.globalInstance?.systemDatabase.countRunningWorkflowsForQueue(QUEUE) ?? 0;

async function obey(order: Order): Promise<void> {
  isWorking = order.act === "work";
  if (order.act === "work") {
    failing = order.failing;
    look();
    return;
  }
  do await delay(LOOKED_MS);
  while (running() > 0);
}

process.on("message", (order: Order) => {
  void obey(order).then(() => process.send?.({ done: order.id }));
});
// Whoever has started it is gone.
process.on("disconnect", () => process.exit(1));
process.send?.({ done: 0 });
