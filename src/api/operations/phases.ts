import { ERROR_CODES } from "../../kernel/error-codes.ts";
import type {
  OperationError,
  OperationPhase,
  PhaseState,
} from "../../operations/engine/operation.entity.ts";
import { builder } from "../builder.ts";
import { describedEnum } from "../described-enum.ts";
import { ErrorCodeRef, MigrationFaultRef } from "../errors.ts";
import { readableBy } from "../tenants/secret-names.ts";

export const PhaseStateRef = describedEnum<PhaseState>(
  "PhaseState",
  "Where a phase of an operation is in its life.",
  {
    PENDING: "Its turn has not come.",
    RUNNING: "A worker is at it.",
    SUCCEEDED: "Has done its work.",
    SKIPPED: "Had nothing to do; the note says why.",
    FAILED: "Failed; the error says why.",
    UNDOING: "Takes back what it made.",
    UNDONE: "Has taken back what it made.",
    UNDO_FAILED: "Could not take back what it made: an operator must look.",
  },
);

export const OperationErrorRef = builder.objectRef<OperationError>("OperationError").implement({
  description: "Why an operation or one of its phases failed.",
  fields: (t) => ({
    code: t.expose("code", { type: ErrorCodeRef, description: "What went wrong, for programs." }),
    message: t.string({
      description: "What went wrong, for people.",
      resolve: ({ message }, _args, context) => readableBy(context, message),
    }),
    phase: t.exposeString("phase", {
      nullable: true,
      description: "The name of the phase that failed; null when it was not in a phase.",
    }),
    retryable: t.exposeBoolean("retryable", {
      description: "Whether `retryOperation` can succeed without anything being mended.",
    }),
    migration: t.field({
      type: MigrationFaultRef,
      nullable: true,
      description: "The file of migrations or seeds that it is about; null where it is about none.",
      resolve: ({ migration }) => migration ?? null,
    }),
    nextAction: t.string({
      description: "The next thing to do, for people.",
      resolve: ({ code, nextAction }) => nextAction ?? ERROR_CODES[code].nextAction,
    }),
  }),
});

export const OperationPhaseRef = builder.objectRef<OperationPhase>("OperationPhase").implement({
  description: "One named step of an operation, as it stands.",
  fields: (t) => ({
    id: t.id({
      description: "Its id, for caches: it stays the same while the phase goes on.",
      resolve: ({ operationId, name }) => `${operationId}:${name}`,
    }),
    title: t.string({
      description: "Its name for people: `Migrations applied`.",
      resolve: ({ name }) => {
        const words = name.toLowerCase().replaceAll("_", " ");
        return words.charAt(0).toUpperCase() + words.slice(1);
      },
    }),
    name: t.exposeString("name", {
      description:
        "Its name in capitals, such as MIGRATIONS_APPLIED. Each `OperationKind` tells its own, in order; more may come: show those that you do not know by this name.",
    }),
    state: t.expose("state", { type: PhaseStateRef, description: "Where it is in its life." }),
    completed: t.exposeInt("completed", { description: "How many of `total` are done." }),
    total: t.exposeInt("total", {
      nullable: true,
      description: "How many there are to do; null while it is not known.",
    }),
    attempt: t.exposeInt("attempt", {
      description: "Which attempt it is at, from 1; 0 before the first.",
    }),
    note: t.string({
      nullable: true,
      description: "Why it was skipped or tried again, or what it did, for people.",
      resolve: ({ note }, _args, context) => readableBy(context, note),
    }),
    error: t.expose("error", {
      type: OperationErrorRef,
      nullable: true,
      description: "Its last failure, also of an attempt that was followed by a better one.",
    }),
    startedAt: t.expose("startedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it began; null before.",
    }),
    finishedAt: t.expose("finishedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it ended; null before.",
    }),
    durationMs: t.int({
      nullable: true,
      description: "How long it took, in milliseconds; null before it has ended.",
      resolve: ({ startedAt, finishedAt }) =>
        startedAt === null || finishedAt === null
          ? null
          : finishedAt.getTime() - startedAt.getTime(),
    }),
  }),
});
