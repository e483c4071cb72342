import type { DBOSClient } from "@dbos-inc/dbos-sdk";
import type { EntityManager } from "../../database/orm.ts";
import { newId } from "../../kernel/ids.ts";
import { openEnginePool } from "./engine-pool.ts";

/** Names under which the durable engine knows us. */
export const APPLICATION = "tenantry";
export const QUEUE = "operations";
export const WORKFLOW = "operation";
export const MAIL_WORKFLOW = "deliver-mail";
export const TIMER_WORKFLOW = "timer";

/** The lower comes first. What a worker could not run does not keep others waiting. */
export const PRIORITIES = { urgent: 0, usual: 1, left: 2 } as const;

/** The channel that wakes workers when an operation is enqueued; mail and timers can wait for the next poll. */
export const QUEUE_CHANNEL = "tenantry_queue";

/** The engine's log in processes that only enqueue or migrate: what matters is thrown. */
export const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Puts operations on the queue that all workers share. */
export interface OperationQueue {
  /**
   * Enqueues the operation in the caller's transaction: it exists when that commits, or not at all. An
   * urgent one runs before those of its partition that wait already.
   */
  enqueue(
    em: EntityManager,
    operationId: string,
    partition: string,
    urgent?: boolean,
  ): Promise<void>;
  /**
   * Enqueues a delivery of the outbox in the caller's transaction, so many seconds later (at once
   * unless given); the same id is enqueued once.
   */
  enqueueMail(em: EntityManager, id: string, seconds?: number): Promise<void>;
  /**
   * Sets a durable timer in the caller's transaction: so many seconds later (at once when it is not
   * positive) a worker does what an ended operation has left for then.
   */
  enqueueTimer(em: EntityManager, operationId: string, seconds: number): Promise<void>;
  /** Puts an operation that nobody runs back on the queue, once the caller's transaction commits or not. */
  resume(em: EntityManager, operationId: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the queue for a process that starts operations, worker or not. The engine is loaded when it is first
 * used, since most commands only read.
 *
 * @param url connection URL of the platform database
 */
export function openQueue(url: string): OperationQueue {
  const pool = openEnginePool(url, 2);
  let opening: Promise<DBOSClient> | undefined;
  const openClient = async () => {
    (await import("./dbos-internals.ts")).assertKnownDbos();
    const { DBOSClient } = await import("@dbos-inc/dbos-sdk");
    return await DBOSClient.create({
      systemDatabaseUrl: url,
      systemDatabasePool: pool,
      applicationName: APPLICATION,
      logger: QUIET,
    });
  };
  const engine = () => {
    opening ??= openClient();
    return opening;
  };
  const put = async (
    em: EntityManager,
    workflowName: string,
    workflowID: string,
    partition: string,
    args: string[],
    { seconds = 0, priority = 0 } = {},
  ) => {
    const options = {
      queueName: QUEUE,
      workflowName,
      workflowID,
      queuePartitionKey: partition,
      appVersion: "1",
      priority,
      // The engine keeps whole milliseconds, and fails on a fraction of one.
      ...(seconds > 0 ? { delaySeconds: Math.ceil(seconds) } : {}),
    };
    const client = await engine();
    const { asPgClient } = await import("./dbos-internals.ts");
    await client.enqueueInTransaction(asPgClient(em), options, ...args);
  };
  return {
    enqueue: async (em, operationId, partition, urgent = false) => {
      const priority = urgent ? PRIORITIES.urgent : PRIORITIES.usual;
      await put(em, WORKFLOW, operationId, partition, [operationId], { priority });
      await em.execute("select pg_notify(?, '')", [QUEUE_CHANNEL]);
    },
    enqueueMail: (em, id, seconds) => put(em, MAIL_WORKFLOW, id, "mail", [], { seconds }),
    enqueueTimer: (em, operationId, seconds) =>
      put(em, TIMER_WORKFLOW, `${operationId}-timer-${newId()}`, "timers", [operationId], {
        seconds,
      }),
    resume: async (em, operationId) => {
      await (await engine()).resumeWorkflows([operationId], { queueName: QUEUE });
      await em.execute("select pg_notify(?, '')", [QUEUE_CHANNEL]);
    },
    close: async () => {
      await (await opening)?.destroy();
      await pool.end();
    },
  };
}
