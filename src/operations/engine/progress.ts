import { setTimeout as delay } from "node:timers/promises";
import type { Run } from "./phase.ts";

/** Takes how far a phase is; keeps nobody waiting. */
export type Report = (completed: number, total: number, message?: string) => void;

/** Between two reports that are written: each costs a transaction, and people see no more of them. */
const PAUSE_MS = 100;

/**
 * Runs `work`, which reports faster than reports are written: what came in between is skipped, the
 * newest is written before this answers. Nothing is written any more once `work` has failed.
 */
export async function reportingProgress<T>(
  run: Pick<Run<never, never>, "progress">,
  work: (report: Report) => Promise<T>,
): Promise<T> {
  let newest: Parameters<Report> | undefined;
  let writing: Promise<void> | undefined;
  const ended = new AbortController();
  const write = async () => {
    for (; newest; await delay(PAUSE_MS, undefined, ended).catch(() => {})) {
      const report = newest;
      newest = undefined;
      await run.progress(...report);
    }
    writing = undefined;
  };
  let answer: T;
  try {
    answer = await work((...report) => {
      newest = report;
      writing ??= write();
      // Waited for below; until then a failure must not count as unhandled.
      writing.catch(() => {});
    });
  } catch (error) {
    newest = undefined;
    throw error;
  } finally {
    ended.abort();
  }
  await writing;
  return answer;
}
