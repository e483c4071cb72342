import { setTimeout as delay } from "node:timers/promises";
import { DBOS, DBOSWorkflowConflictError } from "@dbos-inc/dbos-sdk";
import { isTransient, PLATFORM, within } from "../../database/faults.ts";
import { fencedBy, isFenced } from "../../database/fence.ts";
import type { EntityManager, Orm } from "../../database/orm.ts";
import type { Logger } from "../../observability/logger.ts";
import type { Attempted, Transact } from "./data-source.ts";
import { assertStillOwnsWorkflow } from "./dbos-internals.ts";
import { describeFailure, type Tried } from "./failure.ts";
import { raiseTokens } from "./fence-tokens.ts";
import { expectClaimed } from "./fenced-claims.ts";
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

/** How a step is tried again after a passing fault. */
export interface RetryPolicy {
  /** Of what a phase ensures outside the platform database. */
  readonly maxAttempts: number;
  /** Of an undo, and of what an operation writes while it is undone. */
  readonly maxUndoAttempts: number;
  readonly firstPauseSeconds: number;
  readonly backoffRate: number;
}

const LONGEST_PAUSE_MS = 10_000;

/** How long to wait behind an attempt, counted from 1. */
export const pauseBehind = (
  count: number,
  { firstPauseSeconds, backoffRate }: RetryPolicy,
): number => Math.min(firstPauseSeconds * 1_000 * backoffRate ** (count - 1), LONGEST_PAUSE_MS);

/** What steps need. */
export interface StepPorts {
  readonly orm: Orm;
  readonly log: Logger;
  readonly retry: RetryPolicy;
}

/** What running operations needs. */
export interface RunPorts extends StepPorts {
  readonly transact: Transact<OperationError>;
  readonly definitions: ReadonlyMap<string, AnyOperation>;
  /**
   * Ends what a former owner of the operation may still be about to do at the place of its effects; a
   * fault that passes is tried again.
   */
  fenceOff(run: AnyRun): Promise<void>;
  /** Throws where this process has given the operation up, since it was frozen. */
  assertHeld(): void;
}

/** What the steps of one operation need: ports, its definition, and whether it was taken over. */
export interface RunContext extends RunPorts {
  readonly definition: AnyOperation;
  /** Whether the step that comes next was begun by a process that has ended since. */
  readonly takeover: { due: boolean };
}

/** Ensures a phase outside the platform database: as a checkpointed step, tried again after passing faults. */
export const ensureOutside = async (context: RunContext, phase: AnyExternalPhase, run: AnyRun) =>
  await attempt(context, phase.name, run, "ensure", async () =>
    toDone(await phase.ensure(withProgress(context, phase.name, run))),
  );

/** Undoes a phase outside the platform database, in the same way. */
export const undoOutside = async (
  context: RunContext,
  phase: string,
  run: AnyRun,
  undo: (run: AnyRun) => Promise<void>,
) =>
  await attempt(context, phase, run, "undo", async () => {
    await undo(run);
    return null;
  });

async function attempt<T>(
  context: RunContext,
  phase: string,
  run: AnyRun,
  step: Direction,
  work: () => Promise<T>,
): Promise<Attempted<T, OperationError>> {
  const { retry, takeover } = context;
  const since = performance.now();
  const once = async (count: number): Promise<Attempted<T, OperationError> | null> => {
    try {
      context.assertHeld();
      if (takeover.due)
        await noteAgain(context, run, { phase, step, note: "the process at it has ended" });
      takeover.due = false;
      return { ok: await work() };
    } catch (error) {
      await refuseLost(context, run, error);
      const forMs = performance.now() - since;
      return await afterFailure(context, run, { phase, step, attempts: count, forMs }, error);
    }
  };
  const untilDone = async (): Promise<Attempted<T, OperationError>> => {
    for (let count = 1; ; count += 1) {
      const answer = await once(count);
      if (answer !== null) return answer;
      await delay(pauseBehind(count, retry));
    }
  };
  return await DBOS.runStep(untilDone, { name: `${phase} ${step}` });
}

/**
 * Lets an error through as the loss of the operation where it says so: what was taken over is given up,
 * nothing of it is undone here and no event is written.
 */
export async function refuseLost(context: RunContext, run: AnyRun, error: unknown): Promise<void> {
  if (error instanceof DBOSWorkflowConflictError) throw error;
  context.assertHeld();
  if (!isFenced(error)) return;
  const { operationId, token } = run;
  const seen = fencedBy(error);
  context.log.warn({ operationId, token, seen }, "given up: its effects are fenced off");
  if (await raiseTokens(context.orm.em.fork() as EntityManager, seen))
    context.log.error(
      { seen },
      "the platform database has lost what happened before: see docs/replication.md",
    );
  throw new DBOSWorkflowConflictError(operationId);
}

/** Logs and journals a failed attempt; answers the failure where it was the last, null where another follows. */
async function afterFailure(
  context: RunContext,
  run: AnyRun,
  { phase, step, ...tried }: Tried & { readonly phase: string; readonly step: Direction },
  error: unknown,
): Promise<{ failed: OperationError } | null> {
  const { retry, log } = context;
  const { operationId } = run;
  const most = step === "undo" ? retry.maxUndoAttempts : retry.maxAttempts;
  const last =
    !isTransient(error) || tried.attempts >= most || (await giveUp(context, operationId, step));
  const failed = describeFailure(error, phase, last ? tried : undefined);
  log[failed.code === "E_INTERNAL" ? "error" : "warn"](
    { err: error, code: failed.code, operationId, phase, step, attempt: tried.attempts },
    "step failed",
  );
  if (last) return { failed };
  const note = `trying again after: ${failed.message}`;
  // While the platform database is away too, the attempt goes on without a note of it.
  await noteAgain(context, run, { phase, step, note }).catch(ifPassing);
  return null;
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
export async function beside(
  ports: StepPorts,
  { operationId, token }: Pick<AnyRun, "operationId" | "token">,
  work: (em: EntityManager) => Promise<void>,
) {
  // Steps report progress in the middle of their work on a db server, which is not what failed then.
  await within(PLATFORM, () =>
    ports.orm.em.fork().transactional(async (em) => {
      await expectClaimed(em as EntityManager, operationId, token);
      await work(em as EntityManager);
      // A worker of an earlier version takes an operation over without claiming it.
      await assertStillOwnsWorkflow(operationId);
    }),
  );
}

/** Journals that another attempt of a step begins, and why. */
async function noteAgain(
  ports: StepPorts,
  run: AnyRun,
  { phase: name, step, note }: { phase: string; step: Direction; note: string },
) {
  const state = step === "ensure" ? "RUNNING" : "UNDOING";
  await beside(ports, run, (em) =>
    move(em, run.operationId, { phases: [{ name, state, note, again: true }] }),
  );
}

function withProgress(ports: StepPorts, phase: string, run: AnyRun): AnyRun {
  const report: AnyRun["progress"] = async (completed, total, message, also) => {
    const step = { phase, completed, total, message: message ?? null };
    await beside(ports, run, async (em) => {
      await also?.(em);
      await progress(em, run.operationId, step);
    });
  };
  return { ...run, progress: report };
}
