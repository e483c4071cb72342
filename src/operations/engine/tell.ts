import type { Outcome } from "./phase.ts";
import type { AnyRun, Course } from "./step.ts";

const about = (course: Course, run: AnyRun) => ({
  operationId: run.operationId,
  kind: course.definition.kind,
  subject: run.subjectName,
  subjectId: run.subjectId,
  dryRun: run.dryRun,
});

/** Logs that this process begins an operation, or takes up one that another process had begun. */
export const tellBegin = (course: Course, run: AnyRun): void =>
  course.log.info(about(course, run), "operation began");

/** Logs how an operation ended, and the error where there is one. */
export function tellEnd(course: Course, run: AnyRun, outcome: Outcome): void {
  const entry = { ...about(course, run), ...outcome };
  if (outcome.state === "FAILED") course.log.warn(entry, "operation ended");
  else course.log.info(entry, "operation ended");
}
