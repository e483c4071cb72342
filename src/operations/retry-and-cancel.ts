import { record } from "../audit/record.ts";
import { auditRefusals } from "../audit/refusal.ts";
import type { EntityManager } from "../database/orm.ts";
import type { Actor } from "../iam/actor.ts";
import { requestCancel } from "./engine/cancel.ts";
import type { Operation } from "./engine/operation.entity.ts";
import type { AnyOperation } from "./engine/phase.ts";
import { retry } from "./engine/retry.ts";
import type { StartPorts } from "./engine/start-operation.ts";

interface RetryPorts extends StartPorts {
  readonly definitions: ReadonlyMap<string, AnyOperation>;
}

/**
 * Takes up a failed or cancelled operation again, as a new one with the same input.
 *
 * @throws DomainError E_OPERATION_NOT_FOUND, E_NOT_RETRYABLE, E_OPERATION_IN_PROGRESS
 */
export async function retryOperation(
  ports: RetryPorts,
  actor: Actor,
  id: string,
): Promise<Operation> {
  return await auditRefusals(ports.orm.em, () =>
    ports.orm.em.fork().transactional(async (transaction) => {
      const em = transaction as EntityManager;
      const operation = await retry(ports, em, actor, ports.definitions, id);
      record(em, actor, {
        type: "OPERATION_RETRIED",
        tenant: { id: operation.subjectId, slug: operation.subjectName },
        operationId: operation.id,
        detail: { kind: operation.kind, retryOf: id },
      });
      return operation;
    }),
  );
}

/**
 * Asks a running operation to stop at its next phase boundary and to undo what it did.
 *
 * @throws DomainError E_OPERATION_NOT_FOUND, E_NOT_CANCELLABLE
 */
export async function cancelOperation(
  ports: StartPorts,
  actor: Actor,
  id: string,
): Promise<Operation> {
  return await ports.orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    const operation = await requestCancel(em, id, ports.clock());
    record(em, actor, {
      type: "OPERATION_CANCEL_REQUESTED",
      tenant: { id: operation.subjectId, slug: operation.subjectName },
      operationId: id,
      detail: { kind: operation.kind },
    });
    return operation;
  });
}
