// All that goes past the public API of the durable engine (DBOS) in this process; what goes past it in the
// database is in `dbos-tables.ts`. The engine is pinned to one version: `assertKnownDbos` refuses another one
// that lacks something of this. Raise KNOWN_VERSION with the pin, once each function here was compared with
// the engine's new source.

import type { WorkflowQueue } from "@dbos-inc/dbos-sdk";
import * as datasource from "@dbos-inc/dbos-sdk/datasource";
import * as context from "@dbos-inc/dbos-sdk/internal/context";
import * as executor from "@dbos-inc/dbos-sdk/internal/dbos-executor";
import * as migrations from "@dbos-inc/dbos-sdk/internal/sysdb_migrations/internal/migrations";
import * as system from "@dbos-inc/dbos-sdk/internal/system_database";
import type { GlobalLogger } from "@dbos-inc/dbos-sdk/internal/telemetry/logs";
import * as utils from "@dbos-inc/dbos-sdk/internal/utils";
import * as wfqueue from "@dbos-inc/dbos-sdk/internal/wfqueue";
import { CompiledQuery } from "kysely";
import type { ClientBase, Pool } from "pg";
import type { EntityManager } from "../../database/orm.ts";
import { UnfitPlatform } from "../../database/unfit-platform.ts";
import { KNOWN_VERSION, TABLES_VERSION } from "./dbos-tables.ts";
import { RETRIED_MESSAGE } from "./engine-pool.ts";

/** The engine's modules that are used here. */
export const SDK = { datasource, context, executor, migrations, system, utils, wfqueue };

/** What is used of them, and its type; of a class, what is used of its instances. */
export const RELIED_ON: Readonly<Record<string, "function" | "object" | "number" | "boolean">> = {
  "datasource.DBOSStepAlreadyRecordedError": "function",
  "datasource.assertStillOwnsWorkflow": "function",
  "datasource.migrateDataSourcePG": "function",
  "datasource.registerDataSource": "function",
  "datasource.replayRecordedStep": "function",
  "datasource.runTransaction": "function",
  "context.runWithAbortableDbRetries": "function",
  "executor.DBOSExecutor.prototype.recoverPendingWorkflows": "function",
  "migrations.allMigrations": "function",
  "system.SystemDatabase.prototype.awaitWorkflowResult": "function",
  "system.SystemDatabase.prototype.checkForRunningWorkflow": "function",
  "system.ensureSystemDatabase": "function",
  "system.retriablePostgresException": "function",
  "utils.dbRetryConfig.maxBackoffSec": "number",
  "wfqueue.wfQueueRunner.isRunning": "boolean",
  "wfqueue.wfQueueRunner.pollQueue": "function",
  "wfqueue.wfQueueRunner.states": "object",
};

/**
 * Expects the engine to have, in this process, what this file relies on. Call it before anything else of
 * this file.
 *
 * @throws UnfitPlatform naming the expected version, the one found, and what is not as expected
 */
export function assertKnownDbos(sdk: object = SDK): void {
  const strange = Object.entries(RELIED_ON).flatMap(([path, type]) => {
    const found = typeof at(sdk, path);
    return found === type ? [] : [`${path} is ${found}, not ${type}`];
  });
  // All of them are functions by now.
  if (strange.length === 0) strange.push(...strangeAnswers(sdk as typeof SDK));
  if (strange.length > 0) refuse(sdk, strange);
}

/**
 * Expects of the launched engine what its constructors make, and `assertKnownDbos` cannot see.
 *
 * @throws UnfitPlatform as that does
 */
export function assertKnownLaunch(sdk: object = SDK): void {
  const { executor, system, wfqueue } = sdk as typeof SDK;
  const strange: string[] = [];
  if (!(executor.DBOSExecutor.globalInstance?.systemDatabase instanceof system.SystemDatabase))
    strange.push("executor.DBOSExecutor.globalInstance.systemDatabase is no SystemDatabase");
  const [state] = pollStates(wfqueue).values();
  if (typeof state?.nextPollAt !== "number")
    strange.push("wfqueue.wfQueueRunner.states has no number nextPollAt");
  if (strange.length > 0) refuse(sdk, strange);
}

const at = (sdk: object, path: string): unknown =>
  path.split(".").reduce<unknown>((value, name) => Object(value)[name], sdk);

/** What functions answer otherwise than is relied on. */
function* strangeAnswers({ system, datasource, migrations }: typeof SDK): Generator<string> {
  const { length: version } = migrations.allMigrations();
  if (version !== TABLES_VERSION)
    yield `migrations.allMigrations makes tables of version ${version}, not ${TABLES_VERSION}`;
  if (!system.retriablePostgresException(new Error(RETRIED_MESSAGE)))
    yield `system.retriablePostgresException does not know "${RETRIED_MESSAGE}"`;
  const output = serializeOutput({ ok: 1 });
  const replayed = JSON.stringify(datasource.replayRecordedStep({ output }));
  if (replayed !== '{"ok":1}')
    yield `datasource.replayRecordedStep reads ${output} as ${replayed}, not {"ok":1}`;
}

function refuse(sdk: object, strange: readonly string[]): never {
  const found = at(sdk, "utils.globalParams.dbosVersion") ?? "of an unknown version";
  throw new UnfitPlatform(
    `The durable engine is expected as DBOS ${KNOWN_VERSION} has it, but in DBOS ${found} ${strange.join("; ")}: install the dependencies of this program with \`npm ci\``,
  );
}

/**
 * The data source interface, which the engine exports for the authors of data sources and describes in its
 * type declarations only. `assertStillOwnsWorkflow` asks in a connection of its own: the fence holds where the
 * caller's transaction has locked the row that a later owner writes first.
 */
export const {
  DBOSStepAlreadyRecordedError,
  assertStillOwnsWorkflow,
  migrateDataSourcePG,
  registerDataSource,
  replayRecordedStep,
  runTransaction,
} = datasource;

/** A step's output as `replayRecordedStep` reads it: SuperJSON, of which plain JSON is the part `json`. */
export const serializeOutput = (output: unknown): string => JSON.stringify({ json: output });

/**
 * Lets the engine retry its database at most so many seconds apart: its own bound is a minute, and no option
 * sets another. It reads this object at each retry.
 */
export function boundRetryPause(seconds: number): void {
  utils.dbRetryConfig.maxBackoffSec = seconds;
}

/**
 * Creates or migrates the engine's tables. The public `DBOS.migrate` is this with a logger that writes to the
 * console.
 *
 * @param log gets its lines; only `debug`, `info`, `warn` and `error` are called
 */
export const ensureEngineTables = (url: string, log: object, pool: Pool): Promise<void> =>
  system.ensureSystemDatabase(url, log as GlobalLogger, pool);

/**
 * Puts what dead workers have claimed back on the queue. The engine does so for its own process only, as it
 * starts; for others that is part of a paid service. The public `resumeWorkflows` would lose deduplication,
 * deadline and the count of attempts.
 */
export const recoverWorkflowsOf = async (executorIds: string[]): Promise<unknown> =>
  await executor.DBOSExecutor.globalInstance?.recoverPendingWorkflows(executorIds);

/** Whether this process runs a workflow; the engine has no public function for it. True while it is not launched. */
export const isRunningHere = (workflowId: string): boolean =>
  executor.DBOSExecutor.globalInstance?.systemDatabase.checkForRunningWorkflow(workflowId) ?? true;

/**
 * Lets runs that lost their workflow end. The engine would have each wait for the result of the one that
 * owns it, asking the database every second; nobody here asks for it. Replaces a method of the launched
 * engine's database, which this process uses for nothing else.
 */
export function endLostRuns(): void {
  const engine = executor.DBOSExecutor.globalInstance?.systemDatabase;
  if (engine) engine.awaitWorkflowResult = async () => ({ output: null });
}

/** Whether the engine's own loop over its queues has ended; it ends silently. */
// biome-ignore lint/complexity/useLiteralKeys: private to the engine; like this the compiler reports when it is gone
export const isLoopEnded = (): boolean => wfqueue.wfQueueRunner["isRunning"] !== true;

/** When the engine polls a queue next, in ms since 1970; undefined for one that it does not know. */
export const nextPollOf = (queueName: string): number | undefined =>
  pollStates(wfqueue).get(queueName)?.nextPollAt;

const pollStates = ({ wfQueueRunner }: typeof wfqueue) =>
  // biome-ignore lint/complexity/useLiteralKeys: as above
  wfQueueRunner["states"] as ReadonlyMap<string, { readonly nextPollAt: number }>;

/**
 * Polls a queue once, now: the engine itself polls at fixed intervals only. It waits while the
 * database is away, until `signal`; without that the engine would wait forever.
 */
export const pollQueue = async (queue: WorkflowQueue, signal: AbortSignal): Promise<void> => {
  await context.runWithAbortableDbRetries(signal, () =>
    // biome-ignore lint/complexity/useLiteralKeys: as above
    wfqueue.wfQueueRunner["pollQueue"](executor.DBOSExecutor.globalInstance, queue),
  );
};

/**
 * The ORM's open transaction as the `pg` client that `enqueueInTransaction` expects. It uses `query` alone,
 * with a text and values; anything else of a client would fail the first enqueue.
 */
export function asPgClient(em: EntityManager): ClientBase {
  const transaction = em.getTransactionContext<{
    executeQuery(query: CompiledQuery): Promise<{ rows: unknown[] }>;
  }>();
  if (!transaction) throw new Error("Operations are enqueued inside a transaction");
  const query = async (sql: string, params: unknown[] = []) => {
    const { rows } = await transaction.executeQuery(CompiledQuery.raw(sql, params));
    return { rows, rowCount: rows.length };
  };
  return { query } as unknown as ClientBase;
}
