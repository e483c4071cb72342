import { DBOSWorkflowConflictError } from "@dbos-inc/dbos-sdk";
import { isConnectionLoss } from "../../database/faults.ts";
import type { Logger } from "../../observability/logger.ts";

/** What this process runs for the engine. */
export interface Runs {
  /**
   * Runs a workflow until it ends, or until the process has given it up: then at once as one that
   * somebody else may own by now, whatever it is waiting for. So does one that loses a connection outside of
   * its transactions: its claim, which nobody runs any more, is put back on the queue.
   *
   * @param work is given what throws once the workflow was given up
   */
  run<T>(workflowId: string, work: (assertHeld: () => void) => Promise<T>): Promise<T>;
  /** Gives up everything. */
  giveUp(): void;
}

/** @param frozen how often the process was frozen so far */
export function openRuns(frozen: () => bigint, log: Logger): Runs {
  const given = new Set<() => void>();
  return {
    run: async (workflowId, work) => {
      const before = frozen();
      const lost = Promise.withResolvers<never>();
      const giveUp = () => lost.reject(new DBOSWorkflowConflictError(workflowId));
      const assertHeld = () => {
        if (frozen() !== before) throw new DBOSWorkflowConflictError(workflowId);
      };
      given.add(giveUp);
      try {
        return await Promise.race([work(assertHeld), lost.promise]);
      } catch (error) {
        // The engine would take it for the workflow's end.
        if (!isConnectionLoss(error)) throw error;
        log.warn({ err: error, workflowId }, "a connection was lost: it is begun again");
        throw new DBOSWorkflowConflictError(workflowId);
      } finally {
        given.delete(giveUp);
      }
    },
    giveUp: () => {
      for (const giveUp of given) giveUp();
    },
  };
}
