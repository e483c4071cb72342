import type { WorkflowQueue } from "@dbos-inc/dbos-sdk";
import { runWithAbortableDbRetries } from "@dbos-inc/dbos-sdk/internal/context";
import { DBOSExecutor } from "@dbos-inc/dbos-sdk/internal/dbos-executor";
import { wfQueueRunner } from "@dbos-inc/dbos-sdk/internal/wfqueue";
import type { Logger } from "../../observability/logger.ts";
import type { Feed } from "./feed.ts";

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
      await runWithAbortableDbRetries(stopping.signal, () =>
        // biome-ignore lint/complexity/useLiteralKeys: private to the engine; like this the compiler tells when it is gone
        wfQueueRunner["pollQueue"](DBOSExecutor.globalInstance, queue),
      );
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
