import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { DBOS, DBOSWorkflowConflictError } from "@dbos-inc/dbos-sdk";
import { faultOf } from "../../database/faults.ts";
import type { EntityManager, Orm } from "../../database/orm.ts";
import {
  assertStillOwnsWorkflow,
  DBOSStepAlreadyRecordedError,
  migrateDataSourcePG,
  registerDataSource,
  replayRecordedStep,
  runTransaction,
  serializeOutput,
} from "./dbos-internals.ts";
import {
  assertKnownTable,
  type Checkpoint,
  deleteCheckpoints,
  findCheckpoint,
  recordCheckpoint,
} from "./dbos-tables.ts";

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
 * Brings the table of the steps that are transactions on the platform database to the engine's version.
 *
 * @throws UnfitPlatform where it is not as this program knows it
 */
export async function migrateCheckpoints(orm: Orm): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    await migrateDataSourcePG(async (sql) => await em.execute<Record<string, unknown>[]>(sql));
    await assertKnownTable((sql) => em.execute(sql), "transaction_completion");
  });
}

/**
 * Joins the platform database to the durable engine: a step's writes and its checkpoint commit
 * together, fenced by the workflow's owner, so that neither a crash nor a worker that was believed
 * dead can apply a step twice. Its table is expected to be there (`migrateCheckpoints`).
 *
 * @param describe turns what a step threw into the failure that is recorded; must not throw
 */
export function platformTransactions<F>(orm: Orm, describe: (error: unknown) => F): Transact<F> {
  const current = new AsyncLocalStorage<EntityManager>();

  const inTransaction = async <T>(work: () => Promise<T>, workflowId: string, stepId: number) =>
    await orm.em.fork().transactional(async (em) => {
      const output: Attempted<T, F> = { ok: await current.run(em as EntityManager, work) };
      await em.flush();
      const serialized = serializeOutput(output);
      if (!(await recordCheckpoint(em as EntityManager, workflowId, stepId, serialized)))
        throw new DBOSStepAlreadyRecordedError(workflowId, stepId);
      await assertStillOwnsWorkflow(workflowId);
      return output;
    });

  const invoke = async <T>(work: () => Promise<T>): Promise<Attempted<T, F>> => {
    const { workflowID: workflowId, stepID: stepId } = DBOS;
    if (workflowId === undefined || stepId === undefined)
      throw new Error("A platform step needs a workflow");
    for (let pause = 5, bounded = 0; ; pause = Math.min(pause * 2, 1_000)) {
      try {
        const recorded = await findCheckpoint(orm.em.fork() as EntityManager, workflowId, stepId);
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
    // `migrateCheckpoints` was before.
    initialize: async () => {},
    destroy: async () => {},
    deleteCheckpoints: async (workflowId, fromStep, beforeCommit) => {
      await orm.em.fork().transactional(async (em) => {
        await deleteCheckpoints(em as EntityManager, workflowId, fromStep);
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
function replayed<T, F>(recorded: Checkpoint): Attempted<T, F> {
  const attempted = replayRecordedStep<Attempted<T, F>>(recorded);
  return "failed" in attempted ? attempted : { ok: attempted.ok };
}
