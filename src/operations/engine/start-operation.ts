import { serialise } from "../../database/locks.ts";
import type { EntityManager, Orm } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import type { Clock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { hashRequest, KEY_LIFETIME } from "../../kernel/idempotency-key.ts";
import { newId } from "../../kernel/ids.ts";
import { open } from "./journal.ts";
import { missingWorker, type WorkersSeen, workersSeen } from "./liveness.ts";
import { type Operation, OperationEntity } from "./operation.entity.ts";
import type { AnyOperation, OperationDefinition } from "./phase.ts";
import type { OperationQueue } from "./queue.ts";

/** What starting operations needs. */
export interface StartPorts {
  readonly orm: Orm;
  readonly queue: OperationQueue;
  readonly clock: Clock;
}

/** What a caller may say beside the input. */
export interface StartOptions {
  readonly dryRun: boolean;
  readonly idempotencyKey: string | null;
}

/** An operation that was started, or that an earlier request with the same key had started. */
export interface Started {
  readonly operation: Operation;
  readonly replayed: boolean;
}

/** Another operation of the same subject is active; names it. */
export class OperationInProgress extends DomainError {
  readonly operationId: string;
  constructor(operation: Pick<Operation, "id" | "kind" | "subjectName">, workers: WorkersSeen) {
    const name = `Operation ${operation.kind} of '${operation.subjectName}'`;
    const missing = missingWorker(workers);
    super("E_OPERATION_IN_PROGRESS", {
      message:
        missing === null
          ? `${name} is running`
          : `${name} has not ended, and ${missing}: it goes on when one starts (tenantry worker, npm start)`,
      detail: { operationId: operation.id },
    });
    this.operationId = operation.id;
  }
}

/**
 * Starts an operation: creates and enqueues it in one transaction with what its `begin` writes.
 * The same key with the same input answers the same operation again, for 30 days.
 *
 * @throws DomainError E_IDEMPOTENCY_KEY_REUSED, E_OPERATION_IN_PROGRESS, or what `begin` refuses with
 */
export async function startOperation<Input, Facts>(
  ports: StartPorts,
  actor: Actor,
  definition: OperationDefinition<Input, Facts>,
  input: Input,
  options: StartOptions,
): Promise<Started> {
  const requestHash = hashRequest({ input, dryRun: options.dryRun });
  return await ports.orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    const { idempotencyKey } = options;
    const owner = { actorKind: actor.kind, actorId: actor.id, kind: definition.kind };
    const earlier =
      idempotencyKey === null
        ? null
        : await findReplay(ports, em, { ...owner, idempotencyKey }, requestHash);
    if (earlier) return { operation: earlier, replayed: true };
    const start = { ...options, requestHash, retry: null };
    return { operation: await create(ports, em, actor, definition, input, start), replayed: false };
  });
}

interface CreateOptions extends StartOptions {
  readonly requestHash: string;
  readonly retry: { readonly of: string; readonly subjectId: string } | null;
}

/** Creates and enqueues an operation in the caller's transaction. */
export async function create(
  ports: StartPorts,
  em: EntityManager,
  actor: Actor,
  definition: AnyOperation,
  input: unknown,
  { dryRun, idempotencyKey, requestHash, retry }: CreateOptions,
): Promise<Operation> {
  const id = newId();
  if (dryRun) await boundDryRuns(em, actor);
  const subject = await definition.begin(em, { operationId: id, actor, input, dryRun, retry });
  if (subject.id !== null) await refuseSecond(em, subject.id);
  const now = ports.clock();
  await open(
    em,
    {
      id,
      kind: definition.kind,
      state: "PENDING",
      subjectId: subject.id,
      subjectName: subject.name,
      dryRun,
      input: input as Record<string, unknown>,
      result: null,
      error: null,
      actorKind: actor.kind,
      actorId: actor.id,
      actorName: actor.name,
      idempotencyKey,
      requestHash,
      retryOf: retry?.of ?? subject.retryOf ?? null,
      cancelRequestedAt: null,
      createdAt: now,
      updatedAt: now,
      startedAt: null,
      finishedAt: null,
    },
    definition.phases.map((phase) => phase.name),
  );
  const partition = dryRun ? DRY_RUNS : subject.partition;
  await ports.queue.enqueue(em, id, partition, definition.urgent);
  return await em.findOneOrFail(OperationEntity, { id });
}

/** The partition of dry runs: however many there are, no operation on a tenant waits for them. */
const DRY_RUNS = "dry-runs";
/** Dry runs of one caller that have not ended. */
export const MOST_DRY_RUNS = 50;

async function boundDryRuns(em: EntityManager, { kind, id }: Actor): Promise<void> {
  await serialise(em, `dry-runs:${kind}:${id}`);
  const own = { actorKind: kind, actorId: id, dryRun: true, subjectId: null, finishedAt: null };
  if ((await em.count(OperationEntity, own)) < MOST_DRY_RUNS) return;
  throw new DomainError("E_RATE_LIMITED", {
    message: `${MOST_DRY_RUNS} dry runs of yours have not ended`,
    nextAction: "Wait until one of them has ended, or cancel it, then send it again.",
  });
}

/**
 * Refuses where the subject has an active operation. The subject's row must be locked by the caller,
 * as `begin` does; the unique index on active operations stands behind it.
 */
export async function refuseSecond(em: EntityManager, subjectId: string): Promise<void> {
  const active = await em.findOne(OperationEntity, { subjectId, finishedAt: null });
  if (active) throw new OperationInProgress(active, await workersSeen(em));
}

async function findReplay(
  { clock }: StartPorts,
  em: EntityManager,
  owner: Pick<Operation, "actorKind" | "actorId" | "kind" | "idempotencyKey">,
  requestHash: string,
): Promise<Operation | null> {
  await serialise(em, `idempotency:${JSON.stringify(owner)}`);
  const earlier = await em.findOne(OperationEntity, owner);
  if (earlier && earlier.createdAt.getTime() <= clock().getTime() - KEY_LIFETIME) {
    // The operation stays; its key is free again.
    await em.nativeUpdate(OperationEntity, { id: earlier.id }, { idempotencyKey: null });
    return null;
  }
  if (earlier && earlier.requestHash !== requestHash)
    throw new DomainError("E_IDEMPOTENCY_KEY_REUSED");
  return earlier;
}
