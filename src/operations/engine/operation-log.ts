import type { Outcome } from "./phase.ts";
import type { AnyRun, RunContext } from "./step.ts";

const about = (context: RunContext, run: AnyRun) => ({
  operationId: run.operationId,
  kind: context.definition.kind,
  subject: run.subjectName,
  subjectId: run.subjectId,
  dryRun: run.dryRun,
});

/** Logs that this process begins an operation, or takes up one that another process had begun. */
export const logBegin = (context: RunContext, run: AnyRun): void =>
  context.log.info(about(context, run), "operation began");

/** Logs how an operation ended, and the error where there is one. */
export function logEnd(context: RunContext, run: AnyRun, outcome: Outcome): void {
  const entry = { ...about(context, run), ...outcome };
  if (outcome.state === "FAILED") context.log.warn(entry, "operation ended");
  else context.log.info(entry, "operation ended");
}
