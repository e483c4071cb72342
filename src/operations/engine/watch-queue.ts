import type { WorkflowQueue } from "@dbos-inc/dbos-sdk";
import type { Logger } from "../../observability/logger.ts";
import { nextPollOf, pollQueue } from "./dbos-internals.ts";
import type { Feed } from "./feed.ts";

/** An engine that is a minute late does not poll its queue any more, or its database is away. */
const LATE_MS = 60_000;

/** Whether the engine should long have polled the queue again. */
export function isPollLate(queueName: string): boolean {
  const nextPoll = nextPollOf(queueName);
  return nextPoll !== undefined && Date.now() - nextPoll > LATE_MS;
}

/**
 * Polls the queue whenever an operation was put on it. The engine itself polls at fixed intervals, which
 * cannot be shortened for once, so this calls what it calls then; a lost notification costs one interval.
 *
 * @returns ends it, after a poll that is under way
 */
export function watchQueue(
  { feed, log }: { readonly feed: Pick<Feed, "onEnqueued">; readonly log: Logger },
  queue: WorkflowQueue,
): () => Promise<void> {
  const stopping = new AbortController();
  let wanted = false;
  let polling: Promise<void> | undefined;
  const poll = async () => {
    while (wanted && !stopping.signal.aborted) {
      wanted = false;
      await pollQueue(queue, stopping.signal);
    }
    polling = undefined;
  };
  const detach = feed.onEnqueued(() => {
    wanted = true;
    polling ??= poll().catch((error: unknown) => {
      polling = undefined;
      log.warn({ err: error }, "the queue could not be looked into at once");
    });
  });
  return async () => {
    detach();
    stopping.abort();
    await polling;
  };
}
