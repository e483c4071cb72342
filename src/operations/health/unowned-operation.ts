import { record } from "../../audit/record.ts";
import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { hasEnded, lockOperation } from "../engine/journal.ts";
import type { Operation } from "../engine/operation.entity.ts";
import { activeOperations, findingOf } from "./active-operations.ts";
import type { RepairPorts } from "./ports.ts";

/**
 * Puts an operation back on the queue that no worker runs, though the engine has not lost it. Whoever
 * runs it after all is fenced out.
 *
 * @returns null where there is nothing of that kind to mend any more
 */
export async function resumeUnowned(
  { orm, queue }: Pick<RepairPorts, "orm" | "queue">,
  actor: Actor,
  id: string,
): Promise<Operation | null> {
  return await orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    const operation = await lockOperation(em, id);
    if (!operation || hasEnded(operation.state)) return null;
    const [active] = await activeOperations(em, { id });
    const finding = active && findingOf(active);
    if (finding?.repair !== "RESUME") return null;
    record(em, actor, {
      type: "TENANT_REPAIRED",
      tenant: { id: operation.subjectId, slug: operation.subjectName },
      operationId: id,
      detail: { repair: "RESUME", finding: finding.code },
    });
    await queue.resume(em, id);
    return operation;
  });
}
