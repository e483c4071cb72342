import {
  type CommandOperationFragment,
  type OperationProgressSubscription,
  TypedDocumentString,
} from "../../client/generated/graphql.ts";
import { OperationProgress } from "../../client/operation-progress.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { WorkersSeen } from "../../operations/engine/liveness.ts";
import type { EventBody } from "../../operations/engine/operation.entity.ts";
import { type Api, payloadOf } from "../api/api.ts";
import {
  CancelOperation,
  FindOperation,
  FindWorkers,
  OPERATION,
  REFUSAL,
  RetryOperation,
} from "./documents.ts";

/** An operation as the API answers it. */
export type ShownOperation = CommandOperationFragment;

/** A line of an operation's journal, in the form in which it is kept. */
export interface ShownEvent {
  readonly operationId: string;
  readonly sequence: number;
  readonly at: Date;
  readonly body: EventBody;
}

type StartResult =
  | { readonly replayed: boolean; readonly operation: ShownOperation }
  | { readonly code: ErrorCode };

/** Starts an operation by its mutation. @throws DomainError where it is refused */
export async function start(api: Api, mutation: string, input: Readonly<Record<string, unknown>>) {
  const type = mutation.charAt(0).toUpperCase() + mutation.slice(1);
  const text = `mutation ($input: ${type}Input!) { started: ${mutation}(input: $input) {
    ... on ${type}Payload { replayed operation { ...CommandOperation } } ...CommandRefusal } }`;
  const document = new TypedDocumentString<{ started: StartResult }, { input: typeof input }>(
    withFragments(text),
  );
  return payloadOf((await api.execute(document, { input })).started);
}

/** Both bring fragments that the other has, too: a document has each of them once. */
function withFragments(text: string): string {
  const fragments = `${OPERATION}\n${REFUSAL}`.split(/^(?=\s*fragment )/m).map((one) => one.trim());
  return [text, ...new Set(fragments)].join("\n");
}

/** @throws DomainError E_OPERATION_NOT_FOUND */
export async function readOperation(api: Api, id: string): Promise<ShownOperation> {
  const { operation } = await api.execute(FindOperation, { id });
  if (operation) return operation;
  throw new DomainError("E_OPERATION_NOT_FOUND", { message: `Operation '${id}' not found` });
}

export async function retryOperation(api: Api, id: string): Promise<ShownOperation> {
  return payloadOf((await api.execute(RetryOperation, { id })).retryOperation).operation;
}

export async function cancelOperation(api: Api, id: string): Promise<ShownOperation> {
  return payloadOf((await api.execute(CancelOperation, { id })).cancelOperation).operation;
}

/** Who runs operations. */
export async function readWorkers(api: Api): Promise<WorkersSeen> {
  const { alive, lastSeenAt } = (await api.execute(FindWorkers, {})).workers;
  return { alive, lastSeenAt: lastSeenAt === null ? null : new Date(lastSeenAt) };
}

/** An operation's events from the first to the last, live; to be left by `return`. */
export function eventsOf(api: Api, id: string): AsyncIterableIterator<ShownEvent> {
  const source = api.subscribe(
    OperationProgress,
    { operationId: id },
    ({ operationEvents }) => operationEvents.cursor,
  );
  return {
    next: async () => {
      const { value, done } = await source.next();
      if (done) return { value: undefined, done: true };
      const { sequence, at, ...event } = value.operationEvents;
      const body = bodyOf(event);
      return { value: { operationId: id, sequence, at: new Date(at), body }, done: false };
    },
    return: async () => {
      await source.return?.();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

type Event = OperationProgressSubscription["operationEvents"];
type WithoutPlace<Of> = Of extends Event ? Omit<Of, "sequence" | "at"> : never;

function bodyOf(event: WithoutPlace<Event>): EventBody {
  switch (event.__typename) {
    case "OperationStateChanged":
      return { type: "OPERATION_STATE", state: event.operationState, error: event.error };
    case "PhaseStateChanged": {
      const { phase, phaseState: state, note, attempt, error } = event;
      return { type: "PHASE_STATE", phase, state, note, attempt, error };
    }
    case "PhaseProgressed": {
      const { phase, completed, total, message } = event;
      return { type: "PHASE_PROGRESS", phase, completed, total, message };
    }
  }
}
