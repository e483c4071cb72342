import type { PageRequest } from "../../database/keyset.ts";
import type { Actor } from "../../iam/actor.ts";
import { isId } from "../../kernel/ids.ts";
import { hasEnded } from "../../operations/engine/journal.ts";
import type {
  Operation,
  OperationPhase,
  OperationState,
} from "../../operations/engine/operation.entity.ts";
import type { AnyOperation } from "../../operations/engine/phase.ts";
import {
  countOperations,
  type OperationFilter as Filter,
  listOperations,
  type OperationOrder,
} from "../../operations/list.ts";
import type { TenantAct } from "../../tenants/lifecycle.ts";
import { ActorRef } from "../access/iam.ts";
import { builder } from "../builder.ts";
import { mayCall } from "../caller.ts";
import {
  type ConnectionPage,
  connectionOf,
  orderInput,
  pageArgs,
  readConnection,
} from "../connections.ts";
import type { ApiContext } from "../context.ts";
import { describedEnum } from "../described-enum.ts";
import { OperationKindRef } from "../generate/operations.ts";
import { given } from "../given.ts";
import { NodeRef } from "../node.ts";
import { OperationRef, TenantRef } from "../refs.ts";
import { encodeEventCursor } from "./event-cursor.ts";
import { OperationErrorRef, OperationPhaseRef } from "./phases.ts";
import { OperationResultRef, outcomeOf } from "./results.ts";

export const OperationStateRef = describedEnum<OperationState>(
  "OperationState",
  "Where an operation is in its life. SUCCEEDED, FAILED and CANCELLED are final.",
  {
    PENDING: "Waits for a worker.",
    RUNNING: "A worker is at it.",
    CANCELLING: "Was asked to stop, and will at the next phase boundary.",
    UNDOING: "Failed or was cancelled, and takes back what it made.",
    SUCCEEDED: "Has done everything.",
    FAILED: "Failed; what it made is undone, or named in its phases as UNDO_FAILED.",
    CANCELLED: "Was cancelled; what it made is undone.",
  },
);

OperationRef.implement({
  description:
    "One long act, made of phases. It survives restarts, and a final state never changes: a retry is a new operation.",
  interfaces: [NodeRef],
  fields: (t) => ({
    kind: t.field({
      type: OperationKindRef,
      description: "What it does.",
      resolve: ({ kind }) => kind as TenantAct,
    }),
    state: t.expose("state", { type: OperationStateRef, description: "Where it is in its life." }),
    done: t.boolean({
      description: "Whether it has ended, well or badly: when to stop polling.",
      resolve: ({ state }) => hasEnded(state),
    }),
    dryRun: t.exposeBoolean("dryRun", {
      description: "Whether it only says what it would do, and writes nothing.",
    }),
    slug: t.exposeString("subjectName", { description: "The slug of the tenant it is about." }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: "The tenant it is about; null for a dry run.",
      resolve: ({ subjectId }, _args, { load }) =>
        subjectId === null ? null : load.tenant.load(subjectId),
    }),
    phases: t.field({
      type: [OperationPhaseRef],
      description: "Its phases, in order.",
      resolve: ({ id }, _args, { load }) => load.phases.load(id),
    }),
    progress: t.float({
      description:
        "How far it is, from 0 to 1, for a bar: each phase counts for what it usually takes, those that have ended whole, one that runs by how many of its `total` are done. 1 once it has succeeded; what is undone takes it back.",
      resolve: async ({ id, kind, state }, _args, { load, platform }) =>
        state === "SUCCEEDED"
          ? 1
          : progressOf(await load.phases.load(id), platform.definitions.get(kind)),
    }),
    cursor: t.field({
      type: "String",
      nullable: true,
      description:
        "The cursor of its newest event: follow `operationEvents` after it to see only what comes.",
      resolve: ({ id, lastSequence }) =>
        lastSequence === 0 ? null : encodeEventCursor({ operationId: id, sequence: lastSequence }),
    }),
    error: t.expose("error", {
      type: OperationErrorRef,
      nullable: true,
      description: "Why it failed or was cancelled; null otherwise.",
    }),
    result: t.field({
      type: OperationResultRef,
      nullable: true,
      description:
        "What came of it, by its kind, also where it failed and something is known; null before it has ended, and for kinds of which there is nothing to tell.",
      resolve: outcomeOf,
    }),
    requestedBy: t.field({
      type: ActorRef,
      description: "Who started it.",
      resolve: ({ actorKind, actorId, actorName }) => ({
        kind: actorKind as Actor["kind"],
        id: actorId,
        name: actorName,
      }),
    }),
    retryOf: t.field({
      type: OperationRef,
      nullable: true,
      description: "The failed operation that this one takes up again; null for a first attempt.",
      resolve: ({ retryOf }, _args, { load }) =>
        retryOf === null ? null : load.operation.load(retryOf),
    }),
    cancelRequested: t.boolean({
      description: "Whether somebody has asked it to stop.",
      resolve: ({ cancelRequestedAt }) => cancelRequestedAt !== null,
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was asked for." }),
    startedAt: t.expose("startedAt", {
      type: "DateTime",
      nullable: true,
      description: "When a worker began with it; null before.",
    }),
    finishedAt: t.expose("finishedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it ended; null before.",
    }),
    durationMs: t.int({
      nullable: true,
      description: "How long a worker was at it, in milliseconds; null before it has ended.",
      resolve: ({ startedAt, finishedAt }) => milliseconds(startedAt, finishedAt),
    }),
  }),
});

/** The share of the phases' work that is done, by what each of them usually takes. */
function progressOf(
  phases: readonly OperationPhase[],
  definition: AnyOperation | undefined,
): number {
  let [all, done] = [0, 0];
  for (const { name, state, completed, total } of phases) {
    const { share = 1 } = definition?.phases.find((phase) => phase.name === name) ?? {};
    all += share;
    if (state === "SUCCEEDED" || state === "SKIPPED") done += share;
    else if (state === "RUNNING" && total) done += share * Math.min(1, completed / total);
  }
  return all === 0 ? 0 : done / all;
}

function milliseconds(from: Date | null, to: Date | null): number | null {
  return from === null || to === null ? null : to.getTime() - from.getTime();
}

const OperationConnection = connectionOf<Operation>("Operation", "operations", OperationRef);

export const OperationFilter = builder.inputType("OperationFilter", {
  description: "Which operations. What is left out does not matter.",
  fields: (t) => ({
    kind: t.field({ type: [OperationKindRef], description: "Those of one of these kinds." }),
    state: t.field({ type: [OperationStateRef], description: "Those in one of these states." }),
    slug: t.string({ description: "Those about the tenant with this slug." }),
    active: t.boolean({
      description: "Those that have not ended (true), or those that have (false).",
    }),
    dryRun: t.boolean({
      description: "Dry runs (true), or what has done something (false).",
    }),
    requestedBy: t.id({
      description:
        "Those that this user, service token or OS user has asked for: `requestedBy.id`.",
    }),
    createdAfter: t.field({ type: "DateTime", description: "Those asked for then or later." }),
    createdBefore: t.field({ type: "DateTime", description: "Those asked for before then." }),
  }),
});

const OperationOrderInput = orderInput<OperationOrder["field"]>("Operation", "operations", {
  CREATED_AT: "When they were asked for.",
  UPDATED_AT: "When they changed last.",
  SLUG: "The slugs of their tenants.",
});

builder.queryFields((t) => ({
  operation: t.field({
    type: OperationRef,
    nullable: true,
    description: "One operation; null when there is none.",
    authScopes: { action: "operation:read" },
    args: { id: t.arg.id({ required: true, description: "The operation's UUID." }) },
    resolve: (_root, { id }, { load }) => (isId(id) ? load.operation.load(id) : null),
  }),
  operations: t.field({
    type: OperationConnection,
    description: "All operations, the newest first unless told.",
    authScopes: { action: "operation:read" },
    args: {
      filter: t.arg({ type: OperationFilter, description: "Which operations; all when left out." }),
      orderBy: t.arg({
        type: OperationOrderInput,
        description: "How they are sorted; the newest first when left out.",
      }),
      ...pageArgs("operations"),
    },
    resolve: (_root, { filter, orderBy, ...page }, context) =>
      operationPage(context, given(filter ?? {}), page, orderBy ?? undefined),
  }),
}));

builder.objectField(TenantRef, "operations", (t) =>
  t.field({
    type: OperationConnection,
    nullable: true,
    description: "Its operations, the newest first; null for roles without `operation:read`.",
    args: pageArgs("operations"),
    resolve: ({ id }, page, context) =>
      mayCall(context.caller, "operation:read")
        ? operationPage(context, { subjectId: id }, page)
        : null,
  }),
);

async function operationPage(
  { em }: ApiContext,
  filter: Filter,
  args: PageRequest,
  order?: OperationOrder,
): Promise<ConnectionPage<Operation>> {
  return await readConnection(
    args,
    (page) => listOperations(em(), filter, page, order),
    () => countOperations(em(), filter),
  );
}
