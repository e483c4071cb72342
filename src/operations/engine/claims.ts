import { DBOS, DBOSWorkflowConflictError } from "@dbos-inc/dbos-sdk";
import type { Logger } from "../../observability/logger.ts";
import { isRunningHere, recoverWorkflowsOf } from "./dbos-internals.ts";
import { PRIORITIES, QUEUE } from "./queue.ts";

/** What this worker has claimed of the queue, as far as the engine does not handle it. */
export interface Claims {
  /** Takes up what dead workers have claimed: it goes back to the queue. */
  recover(deadExecutorIds: string[]): Promise<unknown>;
  /**
   * Whether this process runs a workflow. One that it has given up, since somebody else owned it, does not
   * count.
   */
  isRunning(workflowId: string): boolean;
  /**
   * Puts claims back that this process does not run: the engine does not read again where the answer to a
   * claim was lost. A run of theirs that there is after all is fenced out.
   */
  putBack(workflowIds: string[]): Promise<void>;
  /** Leaves a workflow to other workers: it is put back behind what waits, some seconds later. */
  leave(workflowId: string, why: string): never;
}

/** Ids that are remembered so that each is logged once. */
const MOST_LOGGED = 1_000;

export function openClaims(log: Logger): Claims {
  const left = new Set<string>();
  const logged = new Set<string>();
  let total = 0;
  return {
    recover: recoverWorkflowsOf,
    isRunning: isRunningHere,
    putBack: async (workflowIds) => {
      await DBOS.resumeWorkflows(workflowIds, { queueName: QUEUE });
      const lost: string[] = [];
      for (const id of workflowIds) {
        if (left.delete(id)) await DBOS.setWorkflowPriority(id, PRIORITIES.left);
        else lost.push(id);
      }
      if (lost.length === 0) return;
      total += lost.length;
      log.warn({ workflowIds: lost, total }, "claims that were not run are back on the queue");
    },
    leave: (workflowId, why) => {
      left.add(workflowId);
      if (logged.size >= MOST_LOGGED) logged.clear();
      if (!logged.has(workflowId))
        log.warn({ workflowId, why }, "left to a worker that can run it");
      logged.add(workflowId);
      throw new DBOSWorkflowConflictError(workflowId);
    },
  };
}
