import { record } from "../../audit/record.ts";
import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { ERROR_CODES } from "../../kernel/error-codes.ts";
import { findTenant } from "../../tenants/registry.ts";
import { WORKFLOWS } from "../engine/dbos-tables.ts";
import { hasEnded, lockOperation, move, type PhaseMove } from "../engine/journal.ts";
import {
  type Operation,
  type OperationError,
  OperationPhaseEntity,
} from "../engine/operation.entity.ts";
import type { AnyOperation, Outcome, Requester } from "../engine/phase.ts";
import { type ActiveOperation, isLost } from "./active-operations.ts";
import type { RepairPorts } from "./ports.ts";

type LostPorts = Pick<RepairPorts, "orm" | "queue" | "definitions" | "log">;

const error: OperationError = {
  code: "E_OPERATION_LOST",
  message: ERROR_CODES.E_OPERATION_LOST.text,
  phase: null,
  retryable: true,
};
const outcome: Outcome = { state: "FAILED", error, undone: false };

/**
 * Ends an operation that the engine will never end, as FAILED and not undone, and writes what that
 * means for its tenant. It can be retried: every phase takes up what is there of its own.
 *
 * @returns false where it is not lost any more
 */
export async function settleLost(ports: LostPorts, actor: Actor, id: string): Promise<boolean> {
  const settle = (withSubject: boolean) =>
    onLost(ports, actor, id, "SETTLE", async (em, operation) => {
      const definition = ports.definitions.get(operation.kind);
      const run = definition && runOf(definition, operation);
      if (withSubject && definition && run) await definition.settle(run, em, outcome);
      // No result: what its phases found out is gone, and it would show nothing as done.
      await move(em, id, {
        phases: await brokenOff(em, id),
        operation: { state: "FAILED", error },
      });
    });
  // What the end means for the tenant may be what cannot be written: the operation must end at least.
  return await settle(true).catch((err: unknown) => {
    ports.log.error({ err, operationId: id }, "lost operation could not be settled");
    return settle(false);
  });
}

/**
 * Puts an operation on the queue that never began and that the engine does not know.
 *
 * @returns false where it is not lost any more
 */
export async function enqueueAgain(ports: LostPorts, actor: Actor, id: string): Promise<boolean> {
  return await onLost(ports, actor, id, "ENQUEUE", async (em, { subjectId }) => {
    const tenant = subjectId === null ? null : await findTenant(em, { id: subjectId });
    await ports.queue.enqueue(em, id, tenant?.dbServerId ?? "unplaced");
  });
}

/** Works on an operation whose row is locked, if it is still lost. */
async function onLost(
  { orm }: LostPorts,
  actor: Actor,
  id: string,
  repair: "SETTLE" | "ENQUEUE",
  work: (em: EntityManager, operation: Operation) => Promise<void>,
): Promise<boolean> {
  return await orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    const operation = await lockOperation(em, id);
    if (!operation || hasEnded(operation.state)) return false;
    const [row] = await em.execute<Pick<ActiveOperation, "engine">[]>(
      `select (select status from ${WORKFLOWS} w where id = ?) as engine`,
      [id],
    );
    if (!isLost({ engine: row?.engine ?? null })) return false;
    await work(em, operation);
    record(em, actor, {
      type: "TENANT_REPAIRED",
      tenant: { id: operation.subjectId, slug: operation.subjectName },
      operationId: id,
      detail: { repair, finding: "OPERATION_LOST" },
    });
    return true;
  });
}

/** The run as far as it is known without the engine: what phases found out is gone. */
function runOf(definition: AnyOperation, operation: Operation) {
  const input = definition.input.safeParse(operation.input);
  if (!input.success) return undefined;
  const { id, subjectId, subjectName, dryRun, actorKind, actorId, actorName } = operation;
  const requester: Requester = {
    kind: actorKind as Requester["kind"],
    id: actorId,
    name: actorName,
  };
  const known = { operationId: id, subjectId, subjectName, dryRun, requester };
  const nothing = async () => {};
  return {
    ...known,
    input: input.data,
    facts: {},
    token: 0,
    progress: nothing,
    note: nothing,
    assertOwned: nothing,
  };
}

/** The phases that were under way. */
async function brokenOff(em: EntityManager, operationId: string): Promise<PhaseMove[]> {
  const phases = await em.find(
    OperationPhaseEntity,
    { operationId, state: { $in: ["RUNNING", "UNDOING"] } },
    { orderBy: { position: "asc" } },
  );
  return phases.map(({ name, state }) => ({
    name,
    state: state === "UNDOING" ? "UNDO_FAILED" : "FAILED",
    error: { ...error, phase: name },
  }));
}
