import type { EntityManager } from "../../database/orm.ts";

// An operation is claimed by the worker that begins it, and again by each that takes it over. Each claim
// draws a token, greater than all before it over all operations: what fences the operation's writes here,
// and its effects on db servers (`database/fence.ts`).

/**
 * Draws the token of a claim, in the caller's transaction, which must hold the operation's row and assert
 * the ownership behind this: so that a later owner draws a greater one.
 */
export async function drawToken(em: EntityManager, operationId: string): Promise<number> {
  const [row] = await em.execute<{ token: number }[]>(
    `update platform.operation set fence_token = nextval('platform.fence_token')
     where id = ? returning fence_token::float8 as token`,
    [operationId],
  );
  if (!row) throw new Error(`No operation ${operationId}`);
  return row.token;
}

/** Draws a token for who works on a tenant's place without an operation, while the tenant is held. */
export async function nextToken(em: EntityManager): Promise<number> {
  const [row] = await em.execute<{ token: number }[]>(
    "select nextval('platform.fence_token')::float8 as token",
  );
  return row?.token ?? 0;
}

/** A token beyond this was drawn by nobody. */
const GREATEST = 2 ** 52;

/**
 * Raises the tokens above one that a db server has seen. They are lower only where the platform database
 * was restored, or failed over to a standby that lagged: every session would be refused for good.
 *
 * @param em forked for what is raised
 * @returns whether they were lower
 */
export async function raiseTokens(em: EntityManager, seen: number): Promise<boolean> {
  if (!(seen <= GREATEST)) throw new Error(`Fence token ${seen} cannot be one of this platform`);
  return await em.fork().transactional(async (tx) => {
    // Nobody draws meanwhile: the sequence must not be set back.
    await tx.execute("alter sequence platform.fence_token no cycle");
    const raised = await tx.execute<{ setval: string }[]>(
      `select setval('platform.fence_token', ?) from platform.fence_token where last_value < ?`,
      [seen, seen],
    );
    return raised.length > 0;
  });
}
