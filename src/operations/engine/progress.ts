import type { Run } from "./phase.ts";

/** Tells the newest progress and skips what came in between: reports arrive faster than they are written. */
export interface ProgressReporter {
  report(completed: number, total: number, message: string): void;
  /** Waits until the newest report is written. */
  flush(): Promise<void>;
}

/** Makes a reporter for one attempt of a phase; at most one report is being written at a time. */
export function reportProgress(run: Pick<Run<never, never>, "progress">): ProgressReporter {
  let newest: Parameters<typeof run.progress> | undefined;
  let writing: Promise<void> | undefined;
  const write = async () => {
    while (newest) {
      const report = newest;
      newest = undefined;
      await run.progress(...report);
    }
    writing = undefined;
  };
  return {
    report: (completed, total, message) => {
      newest = [completed, total, message];
      writing ??= write();
      // Waited for in `flush`; until then a failure must not count as unhandled.
      writing.catch(() => {});
    },
    flush: async () => await writing,
  };
}
