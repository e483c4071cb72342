import { setTimeout as delay } from "node:timers/promises";
import type { EntityManager } from "../../database/orm.ts";
import { move } from "./journal.ts";
import type { OperationError } from "./operation.entity.ts";
import { logEnd } from "./operation-log.ts";
import type { Outcome } from "./phase.ts";
import { type AnyPhase, type AnyRun, pauseBehind, type RunContext, undoOutside } from "./step.ts";

/** Why the phases are undone, and the state that the operation ends in. */
type Ending = Pick<Exclude<Outcome, { state: "SUCCEEDED" }>, "state" | "error">;

/**
 * Undoes the phases from `reached` (the one that failed or was the last to succeed; -1 for none)
 * back to the first, then settles the operation. An undo that fails is shown as UNDO_FAILED and
 * does not keep the others from being undone.
 */
export async function unwind(
  context: RunContext,
  run: AnyRun,
  reached: number,
  ending: Ending,
): Promise<void> {
  const phases = context.definition.phases.slice(0, reached + 1) as AnyPhase[];
  await insist(context, "unwind", (em) => beginUnwinding(em, run, phases, ending));
  const stuck: string[] = [];
  for (const phase of phases.toReversed()) {
    if (run.dryRun) continue;
    const undone = await undoPhase(
      context,
      run,
      phase,
      phase === phases.at(-1) && ending.state === "FAILED",
    );
    if (!undone) stuck.push(phase.name);
  }
  const error = withStuck(ending.error, stuck);
  const outcome = { state: ending.state, error, undone: stuck.length === 0 };
  const operation = { state: ending.state, error };
  const settled = await context.transact("settle", async (em) => {
    await context.definition.settle(run, em, outcome);
    const result = await context.definition.result(run, em, outcome);
    await move(em, run.operationId, { operation: { ...operation, result } });
  });
  logEnd(context, run, outcome);
  if ("ok" in settled) return;
  context.log.error(
    { operationId: run.operationId, error: settled.failed },
    "operation could not be settled",
  );
  await insist(context, "settle without subject", (em) => move(em, run.operationId, { operation }));
}

async function beginUnwinding(
  em: EntityManager,
  run: AnyRun,
  phases: readonly AnyPhase[],
  ending: Ending,
) {
  const last = phases.at(-1);
  const failed =
    last && ending.state === "FAILED"
      ? [{ name: last.name, state: "FAILED", error: ending.error } as const]
      : [];
  await move(em, run.operationId, {
    phases: failed,
    operation: { state: "UNDOING", error: ending.error },
  });
}

/** Undoes one phase; answers whether nothing of it is left. */
async function undoPhase(
  context: RunContext,
  run: AnyRun,
  phase: AnyPhase,
  failed: boolean,
): Promise<boolean> {
  const { undo, name } = phase;
  const { operationId } = run;
  if (typeof undo !== "function") {
    if (!failed) await note(context, operationId, name, "UNDONE", undo.nothing);
    return true;
  }
  if (phase.where === "platform") {
    const undone = await context.transact(`${name} undone`, async (em) => {
      await (undo as (run: AnyRun, em: EntityManager) => Promise<void>)(run, em);
      await move(em, operationId, { phases: [{ name, state: "UNDONE" }] });
    });
    if ("ok" in undone) return true;
    await note(context, operationId, name, "UNDO_FAILED", undone.failed.message);
    return false;
  }
  await note(context, operationId, name, "UNDOING", null);
  const undone = await undoOutside(context, name, run, undo as (run: AnyRun) => Promise<void>);
  const stuck = "failed" in undone ? undone.failed.message : null;
  await note(context, operationId, name, stuck === null ? "UNDONE" : "UNDO_FAILED", stuck);
  return stuck === null;
}

async function note(
  context: RunContext,
  operationId: string,
  name: string,
  state: "UNDOING" | "UNDONE" | "UNDO_FAILED",
  text: string | null,
) {
  await insist(context, `${name} ${state}`, (em) =>
    move(em, operationId, { phases: [{ name, state, note: text }] }),
  );
}

/** An operation whose undo failed says so in its error: an operator has to act. */
const withStuck = (error: OperationError, stuck: readonly string[]): OperationError =>
  stuck.length === 0
    ? error
    : { ...error, message: `${error.message} (could not be undone: ${stuck.join(", ")})` };

/** Writes a transition, again as often as an undo is tried: an operation that broke off here would be lost. */
async function insist(
  context: RunContext,
  name: string,
  work: (em: EntityManager) => Promise<void>,
): Promise<void> {
  const { retry, log } = context;
  for (let count = 1; ; count += 1) {
    const answer = await context.transact(name, work);
    if ("ok" in answer) return;
    if (count >= retry.maxUndoAttempts) throw new Error(answer.failed.message);
    log.warn({ error: answer.failed, step: name, attempt: count }, "a transition is tried again");
    await delay(pauseBehind(count, retry));
  }
}
