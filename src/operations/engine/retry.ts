import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { hashRequest } from "../../kernel/idempotency-key.ts";
import { faultOf } from "../../kernel/input.ts";
import { hasEnded, lockOperation } from "./journal.ts";
import { type Operation, OperationEntity } from "./operation.entity.ts";
import type { AnyOperation } from "./phase.ts";
import { create, type StartPorts } from "./start-operation.ts";

/**
 * Takes up a failed or cancelled operation again as a new one with the same input, in the caller's
 * transaction. Only the newest operation of a subject can be retried, and only once.
 *
 * @throws DomainError E_OPERATION_NOT_FOUND, E_NOT_RETRYABLE, E_OPERATION_IN_PROGRESS
 */
export async function retry(
  ports: StartPorts,
  em: EntityManager,
  actor: Actor,
  definitions: ReadonlyMap<string, AnyOperation>,
  id: string,
): Promise<Operation> {
  const failed = await lockOperation(em, id);
  if (!failed)
    throw new DomainError("E_OPERATION_NOT_FOUND", { message: `Operation '${id}' not found` });
  const { subjectId } = failed;
  if (subjectId === null || (failed.state !== "FAILED" && failed.state !== "CANCELLED")) {
    throw new DomainError("E_NOT_RETRYABLE", {
      message: failed.dryRun
        ? "A dry run is not retried: start it again"
        : `The operation is ${failed.state}`,
      nextAction: failed.dryRun
        ? "Ask for it again as it was asked for first."
        : hasEnded(failed.state)
          ? "Nothing is to be done: it has succeeded."
          : "Wait for its end, or stop it with `cancelOperation`.",
    });
  }
  const later = await em.findOne(
    OperationEntity,
    { subjectId, id: { $gt: id } },
    { orderBy: { id: "desc" } },
  );
  if (later)
    throw new DomainError("E_NOT_RETRYABLE", {
      message: `Operation '${later.id}' has taken its place`,
      nextAction:
        "Ask for it again as it was asked for first, a provisioning by `provisionTenant`, unless the later one has done it.",
    });
  const { definition, input } = readAgain(definitions, failed);
  return await create(ports, em, actor, definition, input, {
    dryRun: false,
    idempotencyKey: null,
    requestHash: hashRequest({ input: failed.input, dryRun: false }),
    retry: { of: id, subjectId },
  });
}

/** What a failed operation was asked for, which a later version of this program may have written. */
function readAgain(
  definitions: ReadonlyMap<string, AnyOperation>,
  { kind, input }: Pick<Operation, "kind" | "input">,
) {
  const definition = definitions.get(kind);
  const read = definition?.input.safeParse(input);
  if (definition && read?.success) return { definition, input: read.data };
  throw new DomainError("E_NOT_RETRYABLE", {
    message: read?.error
      ? `This version cannot read what the ${kind} was asked for: ${faultOf(read.error)}`
      : `This version knows no operation ${kind}`,
    nextAction:
      "Use `retryOperation` of the version that it was asked for with, or ask for it again as it was asked for first.",
  });
}
