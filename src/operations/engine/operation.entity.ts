// Terminology
// operation  one long act: durable, at most one active per subject, made of phases
// subject    what the operation is about (a tenant); the engine knows its id only
// phase      one named step, with its undo or the reason why it needs none
// event      one line of the operation's journal: sequence 1, 2, 3 … without a gap, never changed

import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { MigrationFault } from "../../kernel/domain-error.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";

export const OPERATION_STATES = [
  "PENDING",
  "RUNNING",
  "CANCELLING",
  "UNDOING",
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

const PHASE_STATES = [
  "PENDING",
  "RUNNING",
  "SUCCEEDED",
  "SKIPPED",
  "FAILED",
  "UNDOING",
  "UNDONE",
  "UNDO_FAILED",
] as const;
export type PhaseState = (typeof PHASE_STATES)[number];

/** What is shown of a failure: no secret, nothing internal. */
export interface OperationError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly phase: string | null;
  readonly retryable: boolean;
  /** Absent where the code's own is right, and in rows of earlier versions. */
  readonly nextAction?: string;
  /** The file of migrations or seeds that it is about; absent where it is about none. */
  readonly migration?: MigrationFault | null;
}

/** What an event says beside its sequence and time. */
export type EventBody =
  | {
      readonly type: "OPERATION_STATE";
      readonly state: OperationState;
      readonly error: OperationError | null;
    }
  | {
      readonly type: "PHASE_STATE";
      readonly phase: string;
      readonly state: PhaseState;
      /** Why the phase was skipped or retried, or what it did. */
      readonly note: string | null;
      readonly attempt: number;
      readonly error: OperationError | null;
    }
  | {
      readonly type: "PHASE_PROGRESS";
      readonly phase: string;
      readonly completed: number;
      readonly total: number | null;
      readonly message: string | null;
    };

export const OperationEntity = defineEntity({
  name: "Operation",
  tableName: "operation",
  schema: "platform",
  properties: {
    id: p.uuid().primary(),
    kind: p.string(),
    state: p.enum(OPERATION_STATES),
    /** Null for a dry run, which may be about something that does not exist. */
    subjectId: p.uuid().strictNullable(),
    /** The subject's name in words: the tenant's slug. */
    subjectName: p.string(),
    dryRun: p.boolean(),
    input: p.json().$type<Record<string, unknown>>(),
    result: p.json().$type<Record<string, unknown>>().strictNullable(),
    error: p.json().$type<OperationError>().strictNullable(),
    actorKind: p.string(),
    actorId: p.string(),
    actorName: p.string(),
    idempotencyKey: p.string().strictNullable(),
    requestHash: p.string(),
    retryOf: p.uuid().strictNullable(),
    cancelRequestedAt: p.datetime().strictNullable(),
    /** The sequence of the newest event; events are numbered by it. */
    lastSequence: p.integer().default(0),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
  },
});
export type Operation = InferEntity<typeof OperationEntity>;

export const OperationPhaseEntity = defineEntity({
  name: "OperationPhase",
  tableName: "operation_phase",
  schema: "platform",
  properties: {
    operationId: p.uuid().primary(),
    position: p.integer().primary(),
    name: p.string(),
    state: p.enum(PHASE_STATES),
    completed: p.integer().default(0),
    total: p.integer().strictNullable(),
    attempt: p.integer().default(0),
    note: p.text().strictNullable(),
    error: p.json().$type<OperationError>().strictNullable(),
    startedAt: p.datetime().strictNullable(),
    finishedAt: p.datetime().strictNullable(),
  },
});
export type OperationPhase = InferEntity<typeof OperationPhaseEntity>;

export const OperationEventEntity = defineEntity({
  name: "OperationEvent",
  tableName: "operation_event",
  schema: "platform",
  properties: {
    operationId: p.uuid().primary(),
    sequence: p.integer().primary(),
    at: p.datetime(),
    body: p.json().$type<EventBody>(),
  },
});
export type OperationEvent = InferEntity<typeof OperationEventEntity>;
