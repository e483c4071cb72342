import { setTimeout as delay } from "node:timers/promises";
import { isTransient } from "../../database/faults.ts";
import type { EntityManager } from "../../database/orm.ts";
import type { Attempted, Transact } from "./data-source.ts";
import { cancelled } from "./failure.ts";
import { drawToken } from "./fence-tokens.ts";
import { claimAgain } from "./fenced-claims.ts";
import { lockOperation, move } from "./journal.ts";
import type { Operation, OperationError } from "./operation.entity.ts";
import { logBegin, logEnd } from "./operation-log.ts";
import type { AnyOperation, Outcome, Run } from "./phase.ts";
import {
  type AnyPhase,
  type AnyRun,
  beside,
  type Done,
  ensureOutside,
  pauseBehind,
  type RunContext,
  type RunPorts,
  refuseLost,
  toDone,
} from "./step.ts";
import { unwind } from "./unwind.ts";

/**
 * The durable workflow behind every operation: runs its phases in order; when one fails, or the
 * operation is cancelled, undoes that phase and those before it in reverse. Every transition is one
 * transaction that ends a phase, begins the next, and journals both.
 */
export async function runOperation(ports: RunPorts, operationId: string): Promise<void> {
  const takeover = { due: true };
  // What was done before is not done again: the first that is done here is begun here.
  const transact: Transact<OperationError> = (name, work) =>
    ports.transact(name, (em) => {
      takeover.due = false;
      return work(em);
    });
  let drawn: number | undefined;
  const begun = await transact("begin", async (em) => {
    const answer = await begin(em, ports, operationId);
    drawn = answer.token;
    return answer;
  });
  if ("failed" in begun)
    throw new Error(`Operation ${operationId} cannot begin: ${begun.failed.message}`);
  const definition = ports.definitions.get(begun.ok.kind);
  if (!definition)
    throw new Error(`Operation ${operationId} is of an unknown kind: ${begun.ok.kind}`);
  const context: RunContext = { ...ports, transact, definition, takeover };
  // An operation that a version before this one began has no token yet.
  const begunHere = drawn !== undefined && begun.ok.token === drawn;
  const token = begunHere ? drawn : await claimAgain(ports.orm, operationId);
  let run = toRun(context, { ...begun.ok, token: token ?? 0 });
  logBegin(context, run);
  if (!begunHere && token !== null) await fenceOff(context, run);
  if (begun.ok.cancelRequested)
    return await unwind(context, run, -1, { state: "CANCELLED", error: cancelled(null) });

  for (const index of definition.phases.keys()) {
    const ended = await runPhase(context, run, index);
    if ("failed" in ended)
      return await unwind(context, run, index, { state: "FAILED", error: ended.failed });
    run = { ...run, facts: { ...run.facts, ...ended.ok.facts } };
    if (ended.ok.cancelRequested) {
      const error = cancelled(definition.phases[index]?.name ?? null);
      return await unwind(context, run, index, { state: "CANCELLED", error });
    }
  }
  logEnd(context, run, { state: "SUCCEEDED" });
}

interface Begun
  extends Pick<Operation, "id" | "kind" | "subjectId" | "subjectName" | "dryRun" | "input"> {
  readonly requester: AnyRun["requester"];
  readonly cancelRequested: boolean;
  /** That of the claim by which it was begun. */
  readonly token: number;
}

/** Keeps the former owner from late effects; where that place is away, each session there does so by itself. */
async function fenceOff(context: RunContext, run: AnyRun): Promise<void> {
  const { retry, log } = context;
  for (let count = 1; ; count += 1) {
    try {
      return await context.fenceOff(run);
    } catch (error) {
      await refuseLost(context, run, error);
      const { operationId } = run;
      log.warn(
        { err: error, operationId, attempt: count },
        "the former owner is not fenced off yet",
      );
      if (!isTransient(error) || count >= retry.maxAttempts) return;
    }
    await delay(pauseBehind(count, retry));
  }
}

async function begin(em: EntityManager, ports: RunPorts, id: string): Promise<Begun> {
  const operation = await lockOperation(em, id);
  if (!operation) throw new Error(`No operation ${id}`);
  const cancelRequested = operation.cancelRequestedAt !== null;
  const first = ports.definitions.get(operation.kind)?.phases[0];
  if (!cancelRequested && first) {
    await move(em, id, { operation: { state: "RUNNING" } });
    await move(em, id, { phases: [{ name: first.name, state: "RUNNING" }] });
  }
  const { kind, subjectId, subjectName, dryRun, input } = operation;
  const requester = {
    kind: operation.actorKind as AnyRun["requester"]["kind"],
    id: operation.actorId,
    name: operation.actorName,
  };
  const token = await drawToken(em, id);
  return { id, kind, subjectId, subjectName, dryRun, input, requester, cancelRequested, token };
}

function toRun(context: RunContext, begun: Begun): AnyRun {
  const { id, subjectId, subjectName, dryRun, requester, token } = begun;
  const input = context.definition.input.parse(begun.input);
  const note: AnyRun["note"] = (work) => beside(context, { operationId: id, token }, work);
  return {
    operationId: id,
    subjectId,
    subjectName,
    dryRun,
    requester,
    input,
    facts: {},
    progress: async () => {},
    token,
    note,
    assertOwned: () => note(async () => {}),
  };
}

interface Ended extends Done {
  readonly cancelRequested: boolean;
}

/** Runs one phase and ends it, all in one transaction where the phase works on the platform database. */
async function runPhase(
  context: RunContext,
  run: AnyRun,
  index: number,
): Promise<Attempted<Ended, OperationError>> {
  const phase = context.definition.phases[index] as AnyPhase;
  const end = async (em: EntityManager, done: Done): Promise<Ended> => ({
    ...done,
    cancelRequested: await endPhase(context, run, em, index, done),
  });
  const step = `${phase.name} done`;
  if (run.dryRun && !phase.inDryRun) {
    return await context.transact(step, (em) =>
      end(em, { facts: {}, note: "dry run", skipped: true }),
    );
  }
  if (phase.where === "platform") {
    const answer = await context.transact(
      step,
      async (em) => await end(em, toDone(await phase.ensure(run, em))),
    );
    return "failed" in answer ? { failed: { ...answer.failed, phase: phase.name } } : answer;
  }
  const ensured = await ensureOutside(context, phase, run);
  return "failed" in ensured ? ensured : await context.transact(step, (em) => end(em, ensured.ok));
}

/** Ends a phase and begins the next one, or settles the operation; answers whether to stop here. */
async function endPhase(
  context: RunContext,
  run: AnyRun,
  em: EntityManager,
  index: number,
  done: Done,
): Promise<boolean> {
  const { definition } = context;
  const operation = await lockOperation(em, run.operationId);
  const phase = definition.phases[index] as AnyPhase;
  const next = definition.phases[index + 1];
  const ended = {
    name: phase.name,
    state: done.skipped ? "SKIPPED" : "SUCCEEDED",
    note: done.note,
  } as const;
  if (!next) {
    const whole = { ...run, facts: { ...run.facts, ...done.facts } };
    await settle(definition, whole, em, { state: "SUCCEEDED" }, ended);
    return false;
  }
  const cancelRequested = operation?.cancelRequestedAt != null;
  const phases = cancelRequested
    ? [ended]
    : [ended, { name: next.name, state: "RUNNING" } as const];
  await move(em, run.operationId, { phases });
  return cancelRequested;
}

async function settle(
  definition: AnyOperation,
  run: Run<unknown, unknown>,
  em: EntityManager,
  outcome: Outcome,
  last: { name: string; state: "SUCCEEDED" | "SKIPPED"; note: string | null },
): Promise<void> {
  await definition.settle(run, em, outcome);
  const result = await definition.result(run, em, outcome);
  const operation = { state: outcome.state, result };
  await move(em, run.operationId, { phases: [last], operation });
}
