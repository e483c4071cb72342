import { isTransient } from "../../database/faults.ts";
import { promptIterator } from "../../kernel/iterator.ts";
import type { Feed } from "./feed.ts";
import { isTerminal } from "./journal.ts";
import type { Operation, OperationEvent } from "./operation.entity.ts";
import { PAGE, type ReadChanged, type SharedReads } from "./shared-reads.ts";
import { Signal, type WakeUp } from "./signal.ts";

/** What following operations needs. */
export interface FollowPorts {
  readonly feed: Feed;
  readonly reads: SharedReads;
}

/**
 * Follows one operation's journal from a sequence on: history first, then live, each event once and
 * in order, until the terminal event. Attaches before it reads, so nothing falls in between.
 *
 * @param after the sequence of the last event that the follower has; 0 for none
 */
export function followEvents(
  ports: FollowPorts,
  operationId: string,
  after: number,
): AsyncIterableIterator<OperationEvent> {
  const signal = new Signal();
  const detach = ports.feed.attach(signal, operationId);
  signal.wake(operationId);
  let sequence = after;
  let page: OperationEvent[] = [];
  return iterate(signal, detach, async (wakeUp) => {
    if (wakeUp) {
      page = [...(await ports.reads.eventsAfter(operationId, sequence))];
      if (page.length === PAGE) signal.wake(operationId);
    }
    const event = page.shift();
    if (!event) return { wait: true };
    sequence = event.sequence;
    return { value: event, last: isTerminal(event) };
  });
}

/**
 * Follows all operations: yields an operation, as it stands, each time it has changed.
 * Not resumable: a follower that was away asks for the list and follows again.
 */
export const followOperations = ({ feed, reads }: FollowPorts): AsyncIterableIterator<Operation> =>
  followChanges({
    attach: (signal) => feed.attach(signal),
    read: reads.changed,
    isSame: (one, other) => one.lastSequence === other.lastSequence,
  });

/** How rows that change are followed. */
export interface Changes<Row> {
  attach(signal: Signal): () => void;
  read: ReadChanged<Row>;
  /** Whether a row is as it was yielded before. */
  isSame(one: Row, other: Row): boolean;
}

/** Yields a row, as it stands, each time it has changed; ends when it is ended. */
export function followChanges<Row extends { readonly id: string }>({
  attach,
  read,
  isSame,
}: Changes<Row>): AsyncIterableIterator<Row> {
  const signal = new Signal();
  const detach = attach(signal);
  let since = Date.now();
  let found: Row[] = [];
  const yielded = new Map<string, Row>();
  const isNew = (row: Row) => {
    const before = yielded.get(row.id);
    return before === undefined || !isSame(row, before);
  };
  return iterate(signal, detach, async (wakeUp) => {
    if (wakeUp) {
      const now = Date.now();
      found.push(...(await read(wakeUp.ids, wakeUp.everything ? since : null)));
      if (wakeUp.everything) since = now;
      found = found.filter(isNew);
    }
    const row = found.shift();
    if (!row) return { wait: true };
    remember(yielded, row);
    return { value: row, last: false };
  });
}

function remember<Row extends { readonly id: string }>(yielded: Map<string, Row>, row: Row): void {
  yielded.delete(row.id);
  yielded.set(row.id, row);
  const [oldest] = yielded.keys();
  if (yielded.size > 1_000 && oldest !== undefined) yielded.delete(oldest);
}

type Step<T> = { readonly wait: true } | { readonly value: T; readonly last: boolean };

/** Pause between two reads while the platform database is away. */
const READ_AGAIN_MS = 500;

/** Iterates over what `step` finds, woken by the signal; outlives transient faults, and reads again after them. */
function iterate<T>(
  signal: Signal,
  detach: () => void,
  step: (wakeUp: WakeUp | null) => Promise<Step<T>>,
): AsyncIterableIterator<T> {
  let ended = false;
  let again: NodeJS.Timeout | undefined;
  const end = () => {
    ended = true;
    clearTimeout(again);
    detach();
    signal.close();
  };
  const outlive = (error: unknown, wakeUp: WakeUp | null) => {
    if (!isTransient(error)) throw error;
    again = setTimeout(() => {
      for (const id of wakeUp?.ids ?? []) signal.wake(id);
      signal.wakeAll();
    }, READ_AGAIN_MS);
    return { wait: true } as const;
  };
  const next = async (): Promise<IteratorResult<T>> => {
    try {
      for (let wakeUp: WakeUp | null = null; !ended; wakeUp = await signal.next()) {
        const found = await step(wakeUp).catch((error: unknown) => outlive(error, wakeUp));
        if ("wait" in found) continue;
        if (found.last) end();
        return { value: found.value, done: false };
      }
      return { value: undefined, done: true };
    } catch (error) {
      end();
      throw error;
    }
  };
  return promptIterator(next, end);
}
