import { DBOS } from "@dbos-inc/dbos-sdk";
import { assertStillOwnsWorkflow, DBOSWorkflowConflictError } from "@dbos-inc/dbos-sdk/datasource";
import { isTransient, PLATFORM, within } from "../../database/faults.ts";
import type { EntityManager, Orm } from "../../database/orm.ts";
import type { Logger } from "../../observability/logger.ts";
import type { Attempted, Transact } from "./data-source.ts";
import { describeFailure } from "./failure.ts";
import { move, progress } from "./journal.ts";
import { OperationEntity, type OperationError } from "./operation.entity.ts";
import { type AnyOperation, type ExternalPhase, type Phase, type Run, Skipped } from "./phase.ts";

// biome-ignore lint/suspicious/noExplicitAny: phases of all operations pass through here
export type AnyPhase = Phase<any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyRun = Run<any, any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
type AnyExternalPhase = ExternalPhase<any, any>;

/** What a phase came to: what it found out, and whether it had nothing to do. */
export interface Done {
  readonly facts: Record<string, unknown>;
  readonly note: string | null;
  readonly skipped: boolean;
}

/** Reads a phase's answer. */
export const toDone = (answer: unknown): Done =>
  answer instanceof Skipped
    ? { facts: {}, note: answer.reason, skipped: true }
    : { facts: { ...(answer as Record<string, unknown> | undefined) }, note: null, skipped: false };

type Direction = "ensure" | "undo";

/** How a step outside the platform database is tried again after a passing fault. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly firstPauseSeconds: number;
  readonly backoffRate: number;
}

/** What steps need. */
export interface StepPorts {
  readonly orm: Orm;
  readonly log: Logger;
  readonly retry: RetryPolicy;
}

/** What the running of operations needs. */
export interface RunPorts extends StepPorts {
  readonly transact: Transact<OperationError>;
  readonly definitions: ReadonlyMap<string, AnyOperation>;
}

/** The operation under way: its ports and its definition. */
export interface Course extends RunPorts {
  readonly definition: AnyOperation;
  /** Whether the step that comes next was begun by a process that has ended since. */
  readonly takeover: { due: boolean };
}

/** Ensures a phase outside the platform database: as a checkpointed step, tried again after passing faults. */
export const ensureOutside = async (course: Course, phase: AnyExternalPhase, run: AnyRun) =>
  await attempt(course, phase.name, run, "ensure", async () =>
    toDone(await phase.ensure(withProgress(course, phase.name, run))),
  );

/** Undoes a phase outside the platform database, in the same way. */
export const undoOutside = async (
  course: Course,
  phase: string,
  run: AnyRun,
  undo: (run: AnyRun) => Promise<void>,
) =>
  await attempt(course, phase, run, "undo", async () => {
    await undo(run);
    return null;
  });

async function attempt<T>(
  course: Course,
  phase: string,
  run: AnyRun,
  step: Direction,
  work: () => Promise<T>,
): Promise<Attempted<T, OperationError>> {
  const { retry, log, takeover } = course;
  const { operationId } = run;
  const since = performance.now();
  const once = async (): Promise<Attempted<T, OperationError>> => {
    const count = DBOS.stepStatus?.currentAttempt ?? 1;
    try {
      if (takeover.due)
        await noteAgain(course, operationId, { phase, step, note: "the process at it has ended" });
      takeover.due = false;
      return { ok: await work() };
    } catch (error) {
      if (error instanceof DBOSWorkflowConflictError) throw error;
      const last =
        !isTransient(error) ||
        count >= retry.maxAttempts ||
        (await giveUp(course, operationId, step));
      const tried = last ? { attempts: count, forMs: performance.now() - since } : undefined;
      const failed = describeFailure(error, phase, tried);
      log[failed.code === "E_INTERNAL" ? "error" : "warn"](
        { err: error, code: failed.code, operationId, phase, step, attempt: count },
        "step failed",
      );
      if (last) return { failed };
      const note = `trying again after: ${failed.message}`;
      // While the platform database is away too, the attempt goes on without a note of it.
      await noteAgain(course, operationId, { phase, step, note }).catch(ifPassing);
      throw error;
    }
  };
  return await DBOS.runStep(once, {
    name: `${phase} ${step}`,
    retriesAllowed: true,
    maxAttempts: retry.maxAttempts,
    intervalSeconds: retry.firstPauseSeconds,
    backoffRate: retry.backoffRate,
  });
}

/** A cancelled operation waits for no further attempt of a phase; an undo goes on to its last one. */
async function giveUp(ports: StepPorts, operationId: string, step: Direction): Promise<boolean> {
  if (step === "undo") return false;
  const operation = await ports.orm.em
    .fork()
    .findOne(OperationEntity, { id: operationId })
    .catch(ifPassing);
  return operation?.cancelRequestedAt != null;
}

function ifPassing(error: unknown): null {
  if (!isTransient(error)) throw error;
  return null;
}

/** Runs a transaction beside the workflow's own steps, unless another worker owns the operation by now. */
async function beside(
  ports: StepPorts,
  operationId: string,
  work: (em: EntityManager) => Promise<void>,
) {
  // Steps tell of progress in the middle of their work on a db server, which is not what failed then.
  await within(PLATFORM, () =>
    ports.orm.em.fork().transactional(async (em) => {
      await work(em as EntityManager);
      await assertStillOwnsWorkflow(operationId);
    }),
  );
}

/** Tells that another attempt of a step begins, and why. */
async function noteAgain(
  ports: StepPorts,
  operationId: string,
  { phase: name, step, note }: { phase: string; step: Direction; note: string },
) {
  const state = step === "ensure" ? "RUNNING" : "UNDOING";
  await beside(ports, operationId, (em) =>
    move(em, operationId, { phases: [{ name, state, note, again: true }] }),
  );
}

function withProgress(ports: StepPorts, phase: string, run: AnyRun): AnyRun {
  const tell: AnyRun["progress"] = async (completed, total, message) => {
    const step = { phase, completed, total, message: message ?? null };
    await beside(ports, run.operationId, (em) => progress(em, run.operationId, step));
  };
  return { ...run, progress: tell };
}
