import { z } from "zod";
import { DomainError } from "../../kernel/domain-error.ts";
import { isId } from "../../kernel/ids.ts";
import type { Operation } from "../../operations/engine/operation.entity.ts";
import type { Started } from "../../operations/engine/start-operation.ts";
import { cancelOperation, retryOperation } from "../../operations/retry-and-cancel.ts";
import { builder } from "../builder.ts";
import { actorOf } from "../caller.ts";
import { OperationInProgressErrorRef } from "../errors.ts";
import { addMutation } from "../generate/mutation.ts";
import { REPLAYED, recalled } from "../idempotency.ts";
import { OperationRef, TenantRef } from "../refs.ts";

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

/**
 * As `operationPayload`, for operations that keep their idempotency key.
 *
 * @param dry whether there are dry runs of it, which have no tenant
 */
export const startPayload = (name: string, description: string, dry: boolean) => {
  const payload = operationPayload(name, description);
  if (!dry) {
    builder.objectField(payload, "tenant", (t) =>
      t.field({
        type: TenantRef,
        description: "The tenant that it is about.",
        resolve: async ({ operation }, _args, { load }) =>
          recalled(await load.tenant.load(operation.subjectId ?? ""), "E_TENANT_NOT_FOUND"),
      }),
    );
  }
  builder.objectField(payload, "replayed", (t) =>
    t.exposeBoolean("replayed", {
      description: REPLAYED,
    }),
  );
  return payload;
};

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

/** Which operation, as the input of a mutation that is about one. */
const which = (description: string, operationId: string) =>
  z
    .object({ operationId: z.string().meta({ description: operationId, isId: true }) })
    .meta({ description, argument: "Which one." });

addMutation<Started>({
  name: "retryOperation",
  description:
    "Takes up a failed or cancelled operation again, as a new operation with the same input. Only the newest operation of a tenant can be retried, and only once.",
  grant: "operation:retry",
  input: which("The operation to take up again.", "The UUID of the failed operation."),
  payload: operationPayload("RetryOperationPayload", "The new operation."),
  errors: [OperationInProgressErrorRef],
  once: {
    keep: ({ operation: { id } }) => ({ id }),
    recall: async ({ id }: { id: string }, { load }) =>
      started(recalled(await load.operation.load(id), "E_OPERATION_NOT_FOUND")),
  },
  act: async (request, context) => {
    const id = operationId(request.operationId as string);
    return started(await retryOperation(context.platform, actorOf(context), id));
  },
});

addMutation<Started>({
  name: "cancelOperation",
  description:
    "Asks a running operation to stop at its next phase boundary and to undo what it did. Asking twice is fine.",
  grant: "operation:cancel",
  input: which("The operation to stop.", "The UUID of the running operation."),
  payload: operationPayload("CancelOperationPayload", "The operation that will stop."),
  act: async (request, context) => {
    const id = operationId(request.operationId as string);
    return started(await cancelOperation(context.platform, actorOf(context), id));
  },
});
