import { type PageRequest, sizeOf } from "../../database/keyset.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { followEvents, followOperations } from "../../operations/engine/follow.ts";
import { eventsAfter, hasEnded } from "../../operations/engine/journal.ts";
import type {
  EventBody,
  Operation,
  OperationEvent,
} from "../../operations/engine/operation.entity.ts";
import { passes } from "../../operations/list.ts";
import { builder } from "../builder.ts";
import { type ConnectionPage, connectionOf, pageArgs } from "../connections.ts";
import type { ApiContext } from "../context.ts";
import { given } from "../given.ts";
import { OperationEventRef, OperationRef } from "../refs.ts";
import { readableBy } from "../tenants/secret-names.ts";
import { emptyStream, filterStream } from "../transport/streams.ts";
import { encodeEventCursor, sequenceOf } from "./event-cursor.ts";
import { OperationFilter, OperationStateRef } from "./operations.ts";
import { OperationErrorRef, PhaseStateRef } from "./phases.ts";
import { operationId } from "./starts.ts";

type BodyOf<Type extends EventBody["type"]> = Extract<EventBody, { type: Type }>;
type EventOf<Type extends EventBody["type"]> = OperationEvent & { readonly body: BodyOf<Type> };

const TYPE_NAMES = {
  OPERATION_STATE: "OperationStateChanged",
  PHASE_STATE: "PhaseStateChanged",
  PHASE_PROGRESS: "PhaseProgressed",
} as const satisfies Record<EventBody["type"], string>;

OperationEventRef.implement({
  description:
    "One line of an operation's journal. Events are numbered 1, 2, 3 … without a gap and never change.",
  resolveType: ({ body }) => TYPE_NAMES[body.type],
  fields: (t) => ({
    id: t.id({ description: "Its id, for caches.", resolve: encodeEventCursor }),
    cursor: t.field({
      type: "String",
      description: "Its place: keep it, and send it as `after` to go on from here.",
      resolve: encodeEventCursor,
    }),
    sequence: t.exposeInt("sequence", { description: "Its number within the operation, from 1." }),
    at: t.expose("at", { type: "DateTime", description: "When it happened." }),
    operation: t.field({
      type: OperationRef,
      description: "The operation as it stands now, which may be further than this event.",
      resolve: async (event, _args, { load }) => {
        const operation = await load.operation.load(event.operationId);
        if (operation === null) throw new DomainError("E_OPERATION_NOT_FOUND");
        return operation;
      },
    }),
  }),
});

builder.objectRef<EventOf<"OPERATION_STATE">>("OperationStateChanged").implement({
  description: "The operation came into another state. A final state is its last event.",
  interfaces: [OperationEventRef],
  fields: (t) => ({
    operationState: t.field({
      type: OperationStateRef,
      description: "The state it came into.",
      resolve: ({ body }) => body.state,
    }),
    error: t.field({
      type: OperationErrorRef,
      nullable: true,
      description: "Why it failed or was cancelled; null otherwise.",
      resolve: ({ body }) => body.error,
    }),
  }),
});

builder.objectRef<EventOf<"PHASE_STATE">>("PhaseStateChanged").implement({
  description: "A phase came into another state, or began another attempt.",
  interfaces: [OperationEventRef],
  fields: (t) => ({
    phase: t.string({ description: "The phase's name.", resolve: ({ body }) => body.phase }),
    phaseState: t.field({
      type: PhaseStateRef,
      description: "The state it came into.",
      resolve: ({ body }) => body.state,
    }),
    note: t.string({
      nullable: true,
      description: "Why it was skipped or tried again, or what it did, for people.",
      resolve: ({ body }, _args, context) => readableBy(context, body.note),
    }),
    attempt: t.int({
      description: "Which attempt it is at, from 1.",
      resolve: ({ body }) => body.attempt,
    }),
    error: t.field({
      type: OperationErrorRef,
      nullable: true,
      description: "Why this attempt, or its undo, failed; null otherwise.",
      resolve: ({ body }) => body.error,
    }),
  }),
});

builder.objectRef<EventOf<"PHASE_PROGRESS">>("PhaseProgressed").implement({
  description: "A running phase got further.",
  interfaces: [OperationEventRef],
  fields: (t) => ({
    phase: t.string({ description: "The phase's name.", resolve: ({ body }) => body.phase }),
    completed: t.int({
      description: "How many of `total` are done.",
      resolve: ({ body }) => body.completed,
    }),
    total: t.int({
      nullable: true,
      description: "How many there are to do; null while it is not known.",
      resolve: ({ body }) => body.total,
    }),
    message: t.string({
      nullable: true,
      description: "What was done last, for people: a migration's name.",
      resolve: ({ body }) => body.message,
    }),
  }),
});

const EventConnection = connectionOf<OperationEvent>("OperationEvent", "events", OperationEventRef);

builder.objectField(OperationRef, "events", (t) =>
  t.field({
    type: EventConnection,
    description: "Its journal, the oldest event first.",
    args: pageArgs("events"),
    resolve: (operation, page, context) => listEvents(context, operation, page),
  }),
);

async function listEvents(
  { em }: ApiContext,
  operation: Operation,
  { first, after, last, before }: PageRequest,
): Promise<ConnectionPage<OperationEvent>> {
  const { size, backward } = sizeOf({ first, last });
  const from = sequenceOf(after, operation);
  const to = before == null ? operation.lastSequence + 1 : sequenceOf(before, operation);
  // Sequences have no gaps: where a page lies is known before it is read.
  const begin = backward ? Math.max(from, to - 1 - size) : from;
  const end = Math.min(to - 1, begin + size);
  return {
    rows: end > begin ? await eventsAfter(em(), operation.id, begin, end - begin) : [],
    hasNextPage: end < operation.lastSequence,
    hasPreviousPage: begin > 0,
    cursorOf: encodeEventCursor,
    count: async () => operation.lastSequence,
  };
}

builder.subscriptionFields((t) => ({
  operationEvents: t.field({
    type: OperationEventRef,
    description:
      "An operation's journal: what has happened, then what happens, each event once and in order. Completes after the operation's last event. To resume after a lost connection, subscribe again with the newest cursor you have seen.",
    authScopes: { action: "operation:read" },
    args: {
      operationId: t.arg.id({ required: true, description: "The operation's UUID." }),
      after: t.arg({
        type: "String",
        description: "The newest event that you have seen; all events when left out.",
      }),
    },
    subscribe: (_root, args, context) => subscribeToEvents(context, args.operationId, args.after),
    resolve: (event) => event,
  }),
  operationUpdated: t.field({
    type: OperationRef,
    description:
      "Every operation each time it changes, as it then stands: the feed of a dashboard. Changes in quick succession may arrive as one. Not resumable: after a lost connection read `operations` and subscribe again.",
    authScopes: { action: "operation:read" },
    args: {
      filter: t.arg({ type: OperationFilter, description: "Which operations; all when left out." }),
    },
    subscribe: (_root, { filter }, { platform }) => {
      const wanted = given(filter ?? {});
      return filterStream(followOperations(platform), (operation) => passes(operation, wanted));
    },
    resolve: (operation) => operation,
  }),
}));

async function subscribeToEvents(
  { platform, load }: ApiContext,
  id: string,
  after: string | null | undefined,
): Promise<AsyncIterableIterator<OperationEvent>> {
  const operation = await load.operation.load(operationId(id));
  if (operation === null) {
    throw new DomainError("E_OPERATION_NOT_FOUND", { message: `Operation '${id}' not found` });
  }
  const sequence = sequenceOf(after, operation);
  // Whoever has seen the last event would wait for ever.
  if (hasEnded(operation.state) && sequence === operation.lastSequence) return emptyStream();
  return followEvents(platform, operation.id, sequence);
}
