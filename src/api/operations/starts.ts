import { DomainError } from "../../kernel/domain-error.ts";
import { isId } from "../../kernel/ids.ts";
import type { Operation } from "../../operations/engine/operation.entity.ts";
import type { Started } from "../../operations/engine/start-operation.ts";
import { cancelOperation, retryOperation } from "../../operations/retry-and-cancel.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { answer, OperationInProgressErrorRef, resultOf } from "../errors.ts";
import { OperationRef, TenantRef } from "../refs.ts";

export const IDEMPOTENCY_KEY =
  "Any text of yours, such as a UUID: sending the same key with the same input again answers the same operation, so that a request whose answer was lost can be repeated.";

const OperationPayloadRef = builder.interfaceRef<Started>("OperationPayload").implement({
  description:
    "What every mutation answers that starts or stops one operation: one fragment serves all of them.",
  fields: (t) => ({
    operation: t.expose("operation", {
      type: OperationRef,
      description: "The operation, as it stands: follow it with `operationEvents`, or poll it.",
    }),
    tenant: t.field({
      type: TenantRef,
      nullable: true,
      description: "The tenant that it is about; null for a dry run.",
      resolve: ({ operation }, _args, { load }) =>
        operation.subjectId === null ? null : load.tenant.load(operation.subjectId),
    }),
  }),
});

/** Adds a payload with an operation and its tenant to the schema. */
const operationPayload = (name: string, description: string) =>
  builder
    .objectRef<Started>(name)
    .implement({ description, interfaces: [OperationPayloadRef], fields: () => ({}) });

/** As `operationPayload`, for mutations that take an idempotency key. */
export const startPayload = (name: string, description: string) => {
  const payload = operationPayload(name, description);
  builder.objectField(payload, "replayed", (t) =>
    t.exposeBoolean("replayed", {
      description:
        "Whether an earlier request with the same `idempotencyKey` had started it already.",
    }),
  );
  return payload;
};

const RetryPayload = operationPayload("RetryOperationPayload", "The new operation.");
const CancelPayload = operationPayload("CancelOperationPayload", "The operation that will stop.");

const RetryResult = resultOf<Started>("RetryOperationResult", RetryPayload, [
  OperationInProgressErrorRef,
]);
const CancelResult = resultOf<Started>("CancelOperationResult", CancelPayload, []);

const RetryOperationInput = builder.inputType("RetryOperationInput", {
  description: "The operation to take up again.",
  fields: (t) => ({
    operationId: t.id({ required: true, description: "The UUID of the failed operation." }),
  }),
});

const CancelOperationInput = builder.inputType("CancelOperationInput", {
  description: "The operation to stop.",
  fields: (t) => ({
    operationId: t.id({ required: true, description: "The UUID of the running operation." }),
  }),
});

const started = (operation: Operation): Started => ({ operation, replayed: false });

/**
 * Lets an id pass that an operation can have.
 *
 * @throws DomainError E_OPERATION_NOT_FOUND
 */
export function operationId(id: string): string {
  if (isId(id)) return id;
  throw new DomainError("E_OPERATION_NOT_FOUND", {
    message: `Operation '${id.slice(0, 60)}' not found`,
  });
}

builder.mutationFields((t) => ({
  retryOperation: t.field({
    type: RetryResult,
    description:
      "Takes up a failed or cancelled operation again, as a new operation with the same input. Only the newest operation of a tenant can be retried, and only once.",
    authScopes: { action: "operation:retry" },
    args: {
      input: t.arg({ type: RetryOperationInput, required: true, description: "Which one." }),
    },
    resolve: (_root, { input }, { platform, caller }) =>
      answer(async () => {
        const actor = actorWith(caller, "operation:retry");
        return started(await retryOperation(platform, actor, operationId(input.operationId)));
      }),
  }),
  cancelOperation: t.field({
    type: CancelResult,
    description:
      "Asks a running operation to stop at its next phase boundary and to undo what it did. Asking twice is fine.",
    authScopes: { action: "operation:cancel" },
    args: {
      input: t.arg({ type: CancelOperationInput, required: true, description: "Which one." }),
    },
    resolve: (_root, { input }, { platform, caller }) =>
      answer(async () => {
        const actor = actorWith(caller, "operation:cancel");
        return started(await cancelOperation(platform, actor, operationId(input.operationId)));
      }),
  }),
}));
