import type { EntityManager } from "../../database/orm.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { hasEnded, lockOperation, move } from "./journal.ts";
import { type Operation, OperationEntity } from "./operation.entity.ts";

const NEXT: Partial<Record<Operation["state"], string>> = {
  UNDOING: "Wait for its end: it is being undone already.",
  FAILED: "Nothing is to be cancelled; `retryOperation` takes it up again.",
};

/**
 * Asks an operation to stop, in the caller's transaction: it stops at the next phase boundary and
 * undoes what it did. Asking again changes nothing; an operation that is past its last boundary
 * still succeeds.
 *
 * @throws DomainError E_OPERATION_NOT_FOUND, E_NOT_CANCELLABLE
 */
export async function requestCancel(em: EntityManager, id: string, now: Date): Promise<Operation> {
  const operation = await lockOperation(em, id);
  if (!operation)
    throw new DomainError("E_OPERATION_NOT_FOUND", { message: `Operation '${id}' not found` });
  if (hasEnded(operation.state) || operation.state === "UNDOING") {
    throw new DomainError("E_NOT_CANCELLABLE", {
      message: `The operation is ${operation.state}`,
      nextAction: NEXT[operation.state] ?? "Nothing is to be done: it has ended.",
    });
  }
  if (operation.cancelRequestedAt !== null) return operation;
  await em.nativeUpdate(OperationEntity, { id }, { cancelRequestedAt: now });
  await move(em, id, { operation: { state: "CANCELLING" } });
  return await em.findOneOrFail(OperationEntity, { id }, { refresh: true });
}
