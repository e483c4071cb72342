import { setTimeout as delay } from "node:timers/promises";
import { DBOSWorkflowConflictError } from "@dbos-inc/dbos-sdk";
import { isConnectionLoss } from "../../database/faults.ts";
import type { EntityManager, Orm } from "../../database/orm.ts";
import { assertStillOwnsWorkflow } from "./dbos-internals.ts";
import { drawToken } from "./fence-tokens.ts";

/**
 * Claims an operation that another process had begun; waits while the platform database is away.
 *
 * @returns the token; null where the operation has ended
 * @throws DBOSWorkflowConflictError where another worker owns it by now
 */
export async function claimAgain(orm: Orm, operationId: string): Promise<number | null> {
  for (let pause = 5; ; pause = Math.min(pause * 2, 1_000)) {
    try {
      return await orm.em.fork().transactional(async (em) => {
        const [running] = await em.execute<{ id: string }[]>(
          `update platform.operation set taken_over_at = clock_timestamp()
           where id = ? and finished_at is null returning id`,
          [operationId],
        );
        if (!running) return null;
        const token = await drawToken(em as EntityManager, operationId);
        await assertStillOwnsWorkflow(operationId);
        return token;
      });
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
    }
    await delay(pause);
  }
}

/**
 * Expects, in the caller's transaction, that the operation is still claimed by this token: nobody claims
 * it until the transaction ends.
 *
 * @throws DBOSWorkflowConflictError
 */
export async function expectClaimed(
  em: EntityManager,
  operationId: string,
  token: number,
): Promise<void> {
  const held = await em.execute<{ id: string }[]>(
    "select id from platform.operation where id = ? and fence_token = ? for update",
    [operationId, token],
  );
  if (held.length === 0) throw new DBOSWorkflowConflictError(operationId);
}
