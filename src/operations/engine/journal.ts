import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "../../database/orm.ts";
import {
  type EventBody,
  type Operation,
  OperationEntity,
  type OperationError,
  type OperationEvent,
  OperationEventEntity,
  OperationPhaseEntity,
  type OperationState,
  type PhaseState,
} from "./operation.entity.ts";

/** The channel that wakes followers; its payload is an operation's id and nothing else. */
export const OPERATION_CHANNEL = "tenantry_operation";

const ENDED: readonly OperationState[] = ["SUCCEEDED", "FAILED", "CANCELLED"];

/** Whether an operation in this state will not change any more. */
export const hasEnded = (state: OperationState): boolean => ENDED.includes(state);

/** Whether the event is the last one of its operation. */
export const isTerminal = (event: { readonly body: EventBody }): boolean =>
  event.body.type === "OPERATION_STATE" && hasEnded(event.body.state);

/**
 * Adds events to an operation's journal in the caller's transaction: numbers them without a gap
 * (the operation's row is locked until the commit) and wakes followers when it commits.
 */
async function append(
  em: EntityManager,
  operationId: string,
  bodies: readonly EventBody[],
): Promise<void> {
  await em.execute(
    `with numbered as (
       update platform.operation set last_sequence = last_sequence + ?, updated_at = now()
       where id = ? returning last_sequence - ? as base
     ), written as (
       insert into platform.operation_event (operation_id, sequence, at, body)
       select ?, numbered.base + entry.n, clock_timestamp(), entry.body
       from numbered, jsonb_array_elements(?::jsonb) with ordinality as entry (body, n)
     )
     select pg_notify(?, ?) from numbered`,
    [
      bodies.length,
      operationId,
      bodies.length,
      operationId,
      JSON.stringify(bodies),
      OPERATION_CHANNEL,
      operationId,
    ],
  );
}

interface OperationMove {
  readonly state: OperationState;
  readonly error?: OperationError | null;
  readonly result?: Record<string, unknown> | null;
}

/** What one transition changes: the operation, its phases, or both, with one event each. */
export interface Transition {
  readonly phases?: readonly PhaseMove[];
  readonly operation?: OperationMove;
}

export interface PhaseMove {
  readonly name: string;
  readonly state: PhaseState;
  readonly note?: string | null;
  /** Whether it begins another attempt. */
  readonly again?: true;
  readonly error?: OperationError | null;
}

const phaseEvent = (move: PhaseMove, attempt: number): EventBody => ({
  type: "PHASE_STATE",
  phase: move.name,
  state: move.state,
  note: move.note ?? null,
  attempt,
  error: move.error ?? null,
});

/** Moves the operation and its phases on and journals it, in the caller's transaction. */
export async function move(
  em: EntityManager,
  operationId: string,
  transition: Transition,
): Promise<void> {
  const { phases = [], operation } = transition;
  const attempts = phases.length > 0 ? await movePhases(em, operationId, phases) : new Map();
  const bodies = phases.map((phase) => phaseEvent(phase, attempts.get(phase.name) ?? 1));
  if (operation) {
    await moveOperation(em, operationId, operation);
    bodies.push({
      type: "OPERATION_STATE",
      state: operation.state,
      error: operation.error ?? null,
    });
  }
  if (bodies.length > 0) await append(em, operationId, bodies);
}

/** Answers which attempt each phase is at now; those of an undo are counted by themselves. */
async function movePhases(
  em: EntityManager,
  operationId: string,
  phases: readonly PhaseMove[],
): Promise<Map<string, number>> {
  const rows = await em.execute<{ name: string; attempt: number }[]>(
    `update platform.operation_phase phase set
       state = move.state, note = coalesce(move.note, phase.note),
       error = coalesce(move.error, phase.error),
       attempt = case when move.again then phase.attempt + 1
         when move.state = 'UNDOING' then 1 else greatest(phase.attempt, 1) end,
       started_at = coalesce(phase.started_at, statement_timestamp()),
       finished_at = case when move.state not in ('RUNNING', 'UNDOING') then statement_timestamp() end
     from jsonb_to_recordset(?::jsonb)
       as move (name text, state text, note text, error jsonb, again boolean)
     where phase.operation_id = ? and phase.name = move.name
     returning phase.name, phase.attempt`,
    [JSON.stringify(phases), operationId],
  );
  return new Map(rows.map(({ name, attempt }) => [name, attempt]));
}

async function moveOperation(
  em: EntityManager,
  operationId: string,
  to: OperationMove,
): Promise<void> {
  await em.execute(
    `update platform.operation set
       state = ?, error = coalesce(?::jsonb, error), result = coalesce(?::jsonb, result), updated_at = now(),
       started_at = case when ? then coalesce(started_at, clock_timestamp()) else started_at end,
       finished_at = case when ? then clock_timestamp() end
     where id = ?`,
    [
      to.state,
      to.error ? JSON.stringify(to.error) : null,
      to.result ? JSON.stringify(to.result) : null,
      to.state !== "PENDING",
      hasEnded(to.state),
      operationId,
    ],
  );
}

/** Records how far a running phase is; a progress that comes too late changes nothing. */
export async function progress(
  em: EntityManager,
  operationId: string,
  step: { phase: string; completed: number; total: number | null; message: string | null },
): Promise<void> {
  const running = await em.execute<{ name: string }[]>(
    `update platform.operation_phase set completed = ?, total = ?
     where operation_id = ? and name = ? and state = 'RUNNING' and completed <= ? returning name`,
    [step.completed, step.total, operationId, step.phase, step.completed],
  );
  if (running.length > 0) await append(em, operationId, [{ type: "PHASE_PROGRESS", ...step }]);
}

/** Creates the operation with its phases, PENDING, and its first event, in the caller's transaction. */
export async function open(
  em: EntityManager,
  operation: Omit<Operation, "lastSequence">,
  phases: readonly string[],
): Promise<void> {
  await em.insert(OperationEntity, { ...operation, lastSequence: 0 });
  await em.insertMany(
    OperationPhaseEntity,
    phases.map((name, index) => ({
      operationId: operation.id,
      position: index + 1,
      name,
      state: "PENDING" as const,
    })),
  );
  await append(em, operation.id, [{ type: "OPERATION_STATE", state: "PENDING", error: null }]);
}

/** The operation's row, locked until the caller's transaction ends. */
export async function lockOperation(em: EntityManager, id: string): Promise<Operation | null> {
  return await em.findOne(
    OperationEntity,
    { id },
    { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
  );
}

/** The events after a sequence, in order, at most `limit`. */
export async function eventsAfter(
  em: EntityManager,
  operationId: string,
  sequence: number,
  limit: number,
): Promise<OperationEvent[]> {
  return await em.find(
    OperationEventEntity,
    { operationId, sequence: { $gt: sequence } },
    { orderBy: { sequence: "asc" }, limit, disableIdentityMap: true },
  );
}
