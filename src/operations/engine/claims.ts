import { DBOS } from "@dbos-inc/dbos-sdk";
import { DBOSExecutor } from "@dbos-inc/dbos-sdk/internal/dbos-executor";
import type { Logger } from "../../observability/logger.ts";
import { QUEUE } from "./queue.ts";

/** Takes up what dead workers have claimed: it goes back to the queue. */
export const recoverClaims = async (deadExecutorIds: string[]): Promise<unknown> =>
  await DBOSExecutor.globalInstance?.recoverPendingWorkflows(deadExecutorIds);

/**
 * Whether this process runs a workflow. One that it has given up, since somebody else owned it, does not
 * count, though the engine still waits for its end.
 */
export const isRunning = (workflowId: string): boolean =>
  DBOSExecutor.globalInstance?.systemDatabase.checkForRunningWorkflow(workflowId) ?? true;

/**
 * Answers what puts claims back that this process does not run: the engine does not look again where the
 * answer to a claim was lost. A run of theirs that there is after all is fenced out.
 */
export function claimsReturner(log: Logger): (workflowIds: string[]) => Promise<void> {
  let total = 0;
  return async (workflowIds) => {
    await DBOS.resumeWorkflows(workflowIds, { queueName: QUEUE });
    total += workflowIds.length;
    log.warn({ workflowIds, total }, "claims that were not run are back on the queue");
  };
}
