import type pg from "pg";
import { platformConfig } from "../../database/connect.ts";
import { newClient } from "../../database/own-connection.ts";
import type { Logger } from "../../observability/logger.ts";
import { OPERATION_CHANNEL } from "./journal.ts";
import { QUEUE_CHANNEL } from "./queue.ts";
import type { Signal } from "./signal.ts";

/**
 * Wakes followers of operations, and the worker, over one LISTEN connection a process. A wake-up
 * carries no data: followers read the journal and the worker the queue, so a notification that was
 * lost delays them but costs them nothing.
 */
export interface Feed {
  /** Wakes `signal` with the id of every operation that changes, or of one operation only. */
  attach(signal: Signal, operationId?: string): () => void;
  /** Wakes `signal` with the id of every tenant whose row changes. */
  attachTenants(signal: Signal): () => void;
  /** Calls `listener` whenever an operation was put on the queue; answers how to end that. */
  onEnqueued(listener: () => void): () => void;
  /** How many followers are attached. */
  readonly followers: number;
  close(): Promise<void>;
}

/** A trigger tells of each row that is written, whoever writes it: platform migration 0026. */
const TENANT_CHANNEL = "tenantry_tenant";

/** Poll interval of followers without notifications. */
const BACKSTOP_MS = 5_000;
const RECONNECT_MS = 500;

interface FeedOptions {
  readonly url: string;
  readonly log: Logger;
}

/**
 * Opens the feed on the platform database; reconnects by itself, and wakes everyone when it has.
 *
 * @throws Error when the first connection fails
 */
export async function openFeed({ url, log }: FeedOptions): Promise<Feed> {
  const byOperation = new Map<string, Set<Signal>>();
  const ofAll = new Set<Signal>();
  const ofTenants = new Set<Signal>();
  const onEnqueued = new Set<() => void>();
  let client: pg.Client | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const wakeEveryone = () => {
    for (const [id, signals] of byOperation) for (const signal of signals) signal.wake(id);
    for (const signal of [...ofAll, ...ofTenants]) signal.wakeAll();
  };
  const connect = async () => {
    const next = newClient(platformConfig(url, "feed"));
    next.on("notification", ({ channel, payload }) => {
      if (channel === QUEUE_CHANNEL) for (const listener of onEnqueued) listener();
      if (channel === TENANT_CHANNEL && payload)
        for (const signal of ofTenants) signal.wake(payload);
      if (channel !== OPERATION_CHANNEL || !payload) return;
      for (const signal of byOperation.get(payload) ?? []) signal.wake(payload);
      for (const signal of ofAll) signal.wake(payload);
    });
    next.on("error", (error) => log.warn({ err: error }, "feed connection failed"));
    next.on("end", later);
    try {
      await next.connect();
      await next.query(
        `listen ${OPERATION_CHANNEL}; listen ${QUEUE_CHANNEL}; listen ${TENANT_CHANNEL}`,
      );
    } catch (error) {
      await next.end().catch(() => {});
      throw error;
    }
    if (closed) return await next.end();
    client = next;
    wakeEveryone();
  };
  const later = () => {
    // The first connection that fails is the error of whoever opens the feed.
    if (closed || !client) return;
    clearTimeout(timer);
    timer = setTimeout(reconnect, RECONNECT_MS);
  };
  const reconnect = () => {
    connect().catch((error: unknown) => {
      log.warn({ err: error }, "feed cannot reconnect yet");
      later();
    });
  };

  await connect();
  const backstop = setInterval(wakeEveryone, BACKSTOP_MS);
  return {
    attach: (signal, operationId) => {
      const signals =
        operationId === undefined ? ofAll : (byOperation.get(operationId) ?? new Set());
      if (operationId !== undefined) byOperation.set(operationId, signals);
      signals.add(signal);
      return () => {
        signals.delete(signal);
        if (operationId !== undefined && signals.size === 0) byOperation.delete(operationId);
      };
    },
    attachTenants: (signal) => {
      ofTenants.add(signal);
      return () => void ofTenants.delete(signal);
    },
    onEnqueued: (listener) => {
      onEnqueued.add(listener);
      return () => void onEnqueued.delete(listener);
    },
    get followers() {
      return (
        ofAll.size +
        ofTenants.size +
        [...byOperation.values()].reduce((sum, signals) => sum + signals.size, 0)
      );
    },
    close: async () => {
      closed = true;
      clearInterval(backstop);
      clearTimeout(timer);
      await client?.end();
    },
  };
}
