import type { WorkflowQueue } from "@dbos-inc/dbos-sdk";
import type { Logger } from "../../observability/logger.ts";
import { nextPollOf, pollQueue } from "./dbos-internals.ts";
import type { Feed } from "./feed.ts";

/** An engine that is a minute late does not look into its queue any more, or its database is away. */
const LATE_MS = 60_000;

/** Whether the engine should long have looked into the queue again. */
export function isLookLate(queueName: string): boolean {
  const nextPoll = nextPollOf(queueName);
  return nextPoll !== undefined && Date.now() - nextPoll > LATE_MS;
}

/**
 * Looks into the queue whenever an operation was put on it. The engine itself looks at fixed intervals and
 * cannot be told, so this calls what it calls then; a notification that was lost costs one interval.
 *
 * @returns ends it, behind a look that is under way
 */
export function watchQueue(
  { feed, log }: { readonly feed: Pick<Feed, "onEnqueued">; readonly log: Logger },
  queue: WorkflowQueue,
): () => Promise<void> {
  const stopping = new AbortController();
  let wanted = false;
  let looking: Promise<void> | undefined;
  const look = async () => {
    while (wanted && !stopping.signal.aborted) {
      wanted = false;
      await pollQueue(queue, stopping.signal);
    }
    looking = undefined;
  };
  const detach = feed.onEnqueued(() => {
    wanted = true;
    looking ??= look().catch((error: unknown) => {
      looking = undefined;
      log.warn({ err: error }, "the queue could not be looked into at once");
    });
  });
  return async () => {
    detach();
    stopping.abort();
    await looking;
  };
}
