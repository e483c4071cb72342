import { DomainError, isDomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import { followEvents } from "../operations/engine/follow.ts";
import { hasEnded } from "../operations/engine/journal.ts";
import {
  type Operation,
  OperationEntity,
  type OperationEvent,
} from "../operations/engine/operation.entity.ts";
import { cancelOperation } from "../operations/retry-and-cancel.ts";
import type { Platform } from "../platform.ts";
import { EXIT } from "./exit-codes.ts";
import { bringWorkerAlong, type HelperWorker } from "./helper-worker.ts";
import { exitWith, type Output } from "./output.ts";
import { openProgressView } from "./progress-view.ts";
import type { Session } from "./session.ts";
import { onStopSignal } from "./signals.ts";

/** How an operation is watched. */
export interface WatchOptions {
  readonly json: boolean;
  /** The worker that the command brought along; null when it only looks on. */
  readonly helper: HelperWorker | null;
}

/** Where a watch ended: the operation as it stands, and whether Ctrl-C had a part in it. */
export interface Watched {
  readonly operation: Operation;
  readonly interrupted: boolean;
}

/** One operation as it stands. @throws DomainError E_OPERATION_NOT_FOUND */
export async function readOperation(
  { orm }: Pick<Platform, "orm">,
  id: string,
): Promise<Operation> {
  const operation = isId(id) ? await orm.em.fork().findOne(OperationEntity, { id }) : null;
  if (!operation)
    throw new DomainError("E_OPERATION_NOT_FOUND", { message: `Operation '${id}' not found` });
  return operation;
}

/** Waits for an operation with a worker at hand, runs `after` when it has ended, then lets the worker go. */
export async function seeThrough(
  session: Session,
  { id, state }: Operation,
  options: { readonly json: boolean },
  after: (watched: Watched) => Promise<number>,
): Promise<number> {
  const { platform, out } = session;
  const helper = hasEnded(state) ? null : await bringWorkerAlong(platform, out);
  try {
    return await after(await watchOperation(session, id, { ...options, helper }));
  } finally {
    await helper?.stop();
  }
}

/** Several operations as they stand, and whether Ctrl-C ended the wait for them. */
interface AllWatched {
  readonly operations: readonly Operation[];
  readonly interrupted: boolean;
}

/** Shows operations one after the other until all have ended, with a worker at hand; Ctrl-C leaves them. */
export async function seeAllThrough(
  { platform, out }: Session,
  started: readonly Operation[],
  { json }: { readonly json: boolean },
): Promise<AllWatched> {
  const helper = started.length === 0 ? null : await bringWorkerAlong(platform, out);
  let interrupted = false;
  let events: AsyncIterableIterator<OperationEvent> | undefined;
  onStopSignal((count) => {
    if (count > 1) void exitWith(EXIT.interrupted);
    interrupted = true;
    void events?.return?.();
  });
  try {
    for (const { id, kind, subjectName } of started) {
      if (interrupted) break;
      if (!json) out.line(`${kind} of ${out.style("bold", subjectName)}  (operation ${id})`);
      events = followEvents(platform, id, 0);
      await showAll(out, events, json);
    }
    const operations = await Promise.all(started.map(({ id }) => readOperation(platform, id)));
    return { operations, interrupted };
  } finally {
    await helper?.stop();
  }
}

/**
 * Shows an operation's events until it has ended, or Ctrl-C ends the watch. Where the command runs
 * the operation itself, the first Ctrl-C asks for its cancellation and the second exits at once.
 */
export async function watchOperation(
  session: Session,
  operationId: string,
  { json, helper }: WatchOptions,
): Promise<Watched> {
  const { platform, out } = session;
  const events = followEvents(platform, operationId, 0);
  let interrupted = false;
  let ended = false;
  // Listens until the process ends: what comes after the watch is not to be cut off either.
  onStopSignal((count) => {
    if (count > 1) leave(session, operationId, ended || !helper?.isOurs);
    else if (ended) out.note("Finishing; Ctrl-C again exits at once.");
    else {
      interrupted = true;
      if (helper?.isOurs) askForCancellation(session, operationId);
      else void events.return?.();
    }
  });
  await showAll(out, events, json);
  ended = true;
  const operation = await readOperation(platform, operationId);
  if (interrupted && !hasEnded(operation.state)) {
    out.note(`The operation goes on. Watch it again: tenantry operation watch ${operationId}`);
  }
  return { operation, interrupted };
}

/** Exits in the middle; what the command ran itself is told to be left to the next worker. */
function leave({ out }: Session, operationId: string, runsElsewhere: boolean): void {
  if (!runsElsewhere) {
    const watch = `tenantry operation watch ${operationId}`;
    out.note(`The next worker ends the operation: tenantry worker, or npm start. See: ${watch}`);
  }
  void exitWith(EXIT.interrupted);
}

/** Shows an operation's events until it has ended; answers it as it then stands. */
export async function showToEnd(
  { platform, out }: Session,
  id: string,
  json: boolean,
): Promise<Operation> {
  await showAll(out, followEvents(platform, id, 0), json);
  return await readOperation(platform, id);
}

async function showAll(
  out: Output,
  events: AsyncIterableIterator<OperationEvent>,
  json: boolean,
): Promise<void> {
  if (json) {
    for await (const { operationId, sequence, at, body } of events) {
      out.json({ operationId, sequence, at, ...body });
    }
    return;
  }
  const view = openProgressView(out);
  try {
    for await (const event of events) view.show(event);
  } finally {
    view.close();
  }
}

function askForCancellation({ platform, actor, out }: Session, operationId: string): void {
  out.note("\nCancelling: what was done is undone. Ctrl-C again exits at once.");
  cancelOperation(platform, actor, operationId).catch((error: unknown) => {
    if (isDomainError(error, "E_NOT_CANCELLABLE")) return;
    out.note(`The operation cannot be cancelled: ${String(error)}`);
  });
}

/** The exit code that an operation's end stands for. */
export function exitCodeOf({ operation, interrupted }: Watched): number {
  if (operation.state === "SUCCEEDED") return EXIT.ok;
  if (interrupted) return EXIT.interrupted;
  return operation.state === "CANCELLED" ? EXIT.cancelled : EXIT.failed;
}
