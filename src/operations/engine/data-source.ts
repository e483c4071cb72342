import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { DBOS } from "@dbos-inc/dbos-sdk";
import {
  assertStillOwnsWorkflow,
  DBOSStepAlreadyRecordedError,
  DBOSWorkflowConflictError,
  migrateDataSourcePG,
  registerDataSource,
  replayRecordedStep,
  runTransaction,
} from "@dbos-inc/dbos-sdk/datasource";
import { faultOf } from "../../database/faults.ts";
import type { EntityManager, Orm } from "../../database/orm.ts";

const NAME = "platform";

/** Times that a transaction is tried which meets faults that may not pass: about ten seconds of them. */
const MOST_BOUNDED = 16;

/**
 * What a transaction came to. A failure is a value, not a throw, because a thrown error comes back
 * from the engine's store without its class and code when the operation is taken up by another worker.
 */
export type Attempted<T, F> = { readonly ok: T } | { readonly failed: F };

/** Runs a named step of the current workflow as one transaction on the platform database, exactly once. */
export type Transact<F> = <T>(
  name: string,
  work: (em: EntityManager) => Promise<T>,
) => Promise<Attempted<T, F>>;

/**
 * Joins the platform database to the durable engine: a step's writes and its checkpoint commit
 * together, fenced by the workflow's owner, so that neither a crash nor a worker that was believed
 * dead can apply a step twice.
 *
 * @param describe turns what a step threw into the failure that is recorded; must not throw
 */
export function platformTransactions<F>(orm: Orm, describe: (error: unknown) => F): Transact<F> {
  const current = new AsyncLocalStorage<EntityManager>();

  const inTransaction = async <T>(work: () => Promise<T>, workflowId: string, stepId: number) =>
    await orm.em.fork().transactional(async (em) => {
      const output: Attempted<T, F> = { ok: await current.run(em as EntityManager, work) };
      await em.flush();
      await recordCompletion(em as EntityManager, workflowId, stepId, output);
      await assertStillOwnsWorkflow(workflowId);
      return output;
    });

  const invoke = async <T>(work: () => Promise<T>): Promise<Attempted<T, F>> => {
    const { workflowID: workflowId, stepID: stepId } = DBOS;
    if (workflowId === undefined || stepId === undefined)
      throw new Error("A platform step needs a workflow");
    for (let pause = 5, bounded = 0; ; pause = Math.min(pause * 2, 1_000)) {
      try {
        const recorded = await findCompletion(orm, workflowId, stepId);
        if (recorded) return replayed(recorded);
        return await inTransaction(work, workflowId, stepId);
      } catch (error) {
        if (error instanceof DBOSWorkflowConflictError) throw error;
        const course =
          error instanceof DBOSStepAlreadyRecordedError
            ? "AGAIN"
            : (faultOf(error)?.course ?? "FINAL");
        if (course === "BOUNDED") bounded += 1;
        if (course === "FINAL" || bounded === MOST_BOUNDED) {
          // Behind a takeover everything may be otherwise: what fails then is no failure of the operation.
          await assertStillOwnsWorkflow(workflowId);
          return { failed: describe(error) };
        }
        await delay(pause);
      }
    }
  };

  registerDataSource({
    name: NAME,
    initialize: async () => {
      await orm.em.fork().transactional(async (em) => {
        await migrateDataSourcePG(async (sql) => await em.execute<Record<string, unknown>[]>(sql));
      });
    },
    destroy: async () => {},
    deleteCheckpoints: async (workflowId, fromStep, beforeCommit) => {
      await orm.em.fork().transactional(async (em) => {
        await em.execute(
          "delete from dbos.transaction_completion where workflow_id = ? and function_num >= ?",
          [workflowId, fromStep],
        );
        await beforeCommit?.();
      });
    },
    // The engine's interface promises the callback's own type; what it answers here is always `Attempted`.
    invokeTransactionFunction: async (_config, target, work, ...args) =>
      (await invoke(() => work.call(target, ...args))) as Awaited<ReturnType<typeof work>>,
  });

  return async <T>(name: string, work: (em: EntityManager) => Promise<T>) => {
    const step = async () => {
      const em = current.getStore();
      if (!em) throw new Error("A platform step runs in its data source only");
      return await work(em);
    };
    return (await runTransaction(step, name, { dsName: NAME })) as unknown as Attempted<T, F>;
  };
}

/** What is recorded as JSON has no `ok` where nothing was answered. */
function replayed<T, F>(recorded: Completion): Attempted<T, F> {
  const attempted = replayRecordedStep<Attempted<T, F>>(recorded);
  return "failed" in attempted ? attempted : { ok: attempted.ok };
}

interface Completion {
  readonly output: string | null;
  readonly error: string | null;
}

async function findCompletion(
  orm: Orm,
  workflowId: string,
  stepId: number,
): Promise<Completion | undefined> {
  const rows = await orm.em
    .fork()
    .execute<Completion[]>(
      "select output, error from dbos.transaction_completion where workflow_id = ? and function_num = ?",
      [workflowId, stepId],
    );
  return rows[0];
}

async function recordCompletion(
  em: EntityManager,
  workflowId: string,
  stepId: number,
  output: unknown,
): Promise<void> {
  // `{ json: … }` is how the engine's serializer writes plain JSON.
  const rows = await em.execute<{ workflow_id: string }[]>(
    `insert into dbos.transaction_completion (workflow_id, function_num, output) values (?, ?, ?)
     on conflict do nothing returning workflow_id`,
    [workflowId, stepId, JSON.stringify({ json: output })],
  );
  if (rows.length === 0) throw new DBOSStepAlreadyRecordedError(workflowId, stepId);
}
