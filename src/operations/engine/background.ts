import { DBOS } from "@dbos-inc/dbos-sdk";
import type { EntityManager } from "../../database/orm.ts";
import type { Logger } from "../../observability/logger.ts";
import type { Transact } from "./data-source.ts";
import type { OperationError } from "./operation.entity.ts";
import type { OperationQueue } from "./queue.ts";

/** What a worker does beside operations. */
export interface BackgroundPorts {
  /** Sends the mails that are due; answers when the next one is, in ms since 1970, or null. */
  deliverMail(): Promise<number | null>;
  /** Does what an operation left for later, in one transaction, exactly once. */
  timerEnded(em: EntityManager, operationId: string): Promise<void>;
  readonly queue: OperationQueue;
  readonly log: Logger;
}

/** Deliveries are set for one of these moments, so that many mails that wait share a few of them. */
const MAIL_SLOT_MS = 10_000;

const TIMER_AGAIN_S = 600;

/** Delivers what is due, and enqueues the delivery for when the next mail is. */
export async function deliver(
  { deliverMail, queue, log }: Omit<BackgroundPorts, "timerEnded">,
  transact: Transact<OperationError>,
): Promise<void> {
  // However long the outbox is away: one delivery that gave up would be the last of the chain.
  const retrySoon = (error: unknown) => {
    log.warn({ err: error }, "the outbox cannot be read, and is looked at again");
    return 0;
  };
  const next = await DBOS.runStep(() => deliverMail().catch(retrySoon), { name: "deliver" });
  if (next === null) return;
  const ended = await transact("next", async (em) => {
    const [{ now } = { now: 0 }] = await em.execute<{ now: number }[]>(
      "select extract(epoch from clock_timestamp())::float8 * 1000 as now",
    );
    // One past the next, since the clocks of two machines may differ about which slot is the next.
    const slot = Math.ceil(Math.max(next, now) / MAIL_SLOT_MS) + 1;
    const seconds = (slot * MAIL_SLOT_MS - now) / 1000;
    await queue.enqueueMail(em, `mail-${slot}`, seconds);
  });
  if ("failed" in ended) throw new Error(ended.failed.message);
}

/** A timer whose work failed comes back, and holds no place among the running operations until then. */
export async function endTimer(
  { timerEnded, queue, log }: Omit<BackgroundPorts, "deliverMail">,
  transact: Transact<OperationError>,
  operationId: string,
): Promise<void> {
  const ended = await transact("timer", (em) => timerEnded(em, operationId));
  if ("ok" in ended) return;
  log.warn({ operationId, error: ended.failed }, "a timer's work failed and comes back");
  const again = await transact("again", (em) => queue.enqueueTimer(em, operationId, TIMER_AGAIN_S));
  if ("failed" in again) throw new Error(again.failed.message);
}
