import { isDomainError } from "../../kernel/domain-error.ts";
import { missingWorker } from "../../operations/engine/liveness.ts";
import type { HelperWorker } from "../helper-worker.ts";
import type { Session } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { exitAtOnce, type Output } from "../terminal/output.ts";
import { operationError } from "../terminal/report-error.ts";
import { onStopSignal } from "../terminal/signals.ts";
import {
  cancelOperation,
  eventsOf,
  readOperation,
  readWorkers,
  type ShownEvent,
  type ShownOperation,
} from "./operations.ts";
import { openProgressView } from "./progress-view.ts";

/** How an operation is watched. */
export interface WatchOptions {
  readonly json: boolean;
  /** The worker that the command brought along; null when it only looks on. */
  readonly helper: HelperWorker | null;
}

/** Where a watch ended: the operation as it stands, and whether Ctrl-C had a part in it. */
export interface Watched {
  readonly operation: ShownOperation;
  readonly interrupted: boolean;
}

/** Waits for an operation with a worker at hand, runs `after` when it has ended, then lets the worker go. */
export async function seeThrough(
  session: Session,
  { id, done }: ShownOperation,
  options: { readonly json: boolean },
  after: (watched: Watched) => Promise<number>,
): Promise<number> {
  const helper = done ? null : await workerAtHand(session);
  try {
    return await after(await watchOperation(session, id, { ...options, helper }));
  } finally {
    await helper?.stop();
  }
}

/** Brings a worker along, or says so where there is none and it is not the command's to run one. */
async function workerAtHand(session: Session): Promise<HelperWorker | null> {
  const { local, out } = session;
  if (local !== null) {
    const { bringWorkerAlong } = await import("../helper-worker.ts");
    return await bringWorkerAlong(local.platform, out);
  }
  await noteMissingWorker(session);
  return null;
}

/** Says so where nobody is there to run an operation that the command does not run itself. */
export async function noteMissingWorker({ api, out }: Session): Promise<void> {
  const missing = missingWorker(await readWorkers(api));
  if (missing === null) return;
  out.note(
    `${upperFirst(missing)}: the operation waits until one starts (npm start, tenantry worker).`,
  );
}

/**
 * Shows an operation that somebody else has started. Where no worker is alive the command runs it, and
 * says so; Ctrl-C ends the watch alone.
 */
export async function lookOn(
  session: Session,
  { id, done }: ShownOperation,
  json: boolean,
): Promise<Watched> {
  const { api, out } = session;
  const missing = done ? null : missingWorker(await readWorkers(api));
  const helper = done ? null : await workerAtHand(session);
  try {
    if (missing !== null && helper?.isOurs)
      out.note(`${upperFirst(missing)}: this command runs the operation until it ends.`);
    const watched = await watchOperation(session, id, { json, helper: null });
    if (watched.interrupted && helper?.isOurs)
      out.note(
        "No other worker is known: it goes on when one starts (npm start, tenantry worker).",
      );
    return watched;
  } finally {
    await helper?.stop();
  }
}

const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Several operations as they stand, and whether Ctrl-C ended the wait for them. */
interface AllWatched {
  readonly operations: readonly ShownOperation[];
  readonly interrupted: boolean;
}

/** Shows operations one after the other until all have ended, with a worker at hand; Ctrl-C leaves them. */
export async function seeAllThrough(
  session: Session,
  started: readonly ShownOperation[],
  { json }: { readonly json: boolean },
): Promise<AllWatched> {
  const { api, out } = session;
  const helper = started.length === 0 ? null : await workerAtHand(session);
  let interrupted = false;
  let events: AsyncIterableIterator<ShownEvent> | undefined;
  onStopSignal((count) => {
    if (count > 1) void exitAtOnce(EXIT.interrupted);
    interrupted = true;
    void events?.return?.();
  });
  try {
    for (const { id, kind, slug } of started) {
      if (interrupted) break;
      if (!json) out.line(`${kind} of ${out.style("bold", slug)}  (operation ${id})`);
      events = eventsOf(api, id);
      await showAll(out, events, json);
    }
    const operations = await Promise.all(started.map(({ id }) => readOperation(api, id)));
    return { operations, interrupted };
  } finally {
    await helper?.stop();
  }
}

/**
 * Shows an operation's events until it has ended, or Ctrl-C ends the watch. Where the command runs
 * the operation itself, the first Ctrl-C asks for its cancellation and the second exits at once.
 */
async function watchOperation(
  session: Session,
  operationId: string,
  { json, helper }: WatchOptions,
): Promise<Watched> {
  const { api, out } = session;
  const events = eventsOf(api, operationId);
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
  const operation = await readOperation(api, operationId);
  if (interrupted && !operation.done) {
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
  void exitAtOnce(EXIT.interrupted);
}

/** Shows an operation's events until it has ended; answers it as it then stands. */
export async function showToEnd(
  { api, out }: Session,
  id: string,
  json: boolean,
): Promise<ShownOperation> {
  await showAll(out, eventsOf(api, id), json);
  return await readOperation(api, id);
}

async function showAll(
  out: Output,
  events: AsyncIterableIterator<ShownEvent>,
  json: boolean,
): Promise<void> {
  if (json) {
    for await (const { operationId, sequence, at, body } of events) {
      const error = "error" in body ? { error: operationError(body.error) } : {};
      out.json({ operationId, sequence, at, ...body, ...error });
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

function askForCancellation({ api, out }: Session, operationId: string): void {
  out.note("\nCancelling: what was done is undone. Ctrl-C again exits at once.");
  cancelOperation(api, operationId).catch((error: unknown) => {
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
