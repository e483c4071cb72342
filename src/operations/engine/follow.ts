import { setImmediate } from "node:timers/promises";
import type { Orm } from "../../database/orm.ts";
import type { Feed } from "./feed.ts";
import { eventsAfter, isTerminal } from "./journal.ts";
import { type Operation, OperationEntity, type OperationEvent } from "./operation.entity.ts";
import { Signal } from "./signal.ts";

/** What following operations needs. */
export interface FollowPorts {
  readonly orm: Orm;
  readonly feed: Feed;
  readonly pages: EventPages;
}

/** Reads pages of events, one query for all followers that stand at the same place. */
export interface EventPages {
  after(operationId: string, sequence: number): Promise<readonly OperationEvent[]>;
}

/** Shares reads: a thousand followers of one operation cost one query an event, not a thousand. */
export function openEventPages(orm: Orm): EventPages {
  const gathering = new Map<string, Promise<readonly OperationEvent[]>>();
  return {
    after: (operationId, sequence) => {
      const place = `${operationId}:${sequence}`;
      const shared = gathering.get(place);
      if (shared) return shared;
      // Nobody joins a read that is under way: it may be older than what woke them.
      const read = setImmediate().then(async () => {
        gathering.delete(place);
        return await eventsAfter(orm.em.fork(), operationId, sequence, PAGE);
      });
      gathering.set(place, read);
      return read;
    },
  };
}

/** Events of one read at most. */
const PAGE = 500;

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
      page = [...(await ports.pages.after(operationId, sequence))];
      if (page.length === PAGE) signal.wake(operationId);
    }
    const event = page.shift();
    if (!event) return { wait: true };
    sequence = event.sequence;
    return { value: event, last: isTerminal(event) };
  });
}

/** Two clocks and an open transaction may lie between a change and the moment it can be seen. */
const LOOK_BACK_MS = 10_000;

/**
 * Follows all operations: yields an operation, as it stands, each time it has changed.
 * Not resumable: a follower that was away asks for the list and follows again.
 */
export function followOperations(ports: FollowPorts): AsyncIterableIterator<Operation> {
  const signal = new Signal();
  const detach = ports.feed.attach(signal);
  let since = Date.now();
  let found: Operation[] = [];
  const yielded = new Map<string, number>();
  return iterate(signal, detach, async (wakeUp) => {
    if (wakeUp) {
      const where = wakeUp.everything
        ? { updatedAt: { $gt: new Date(since - LOOK_BACK_MS) } }
        : { id: { $in: [...wakeUp.operationIds] } };
      if (wakeUp.everything) since = Date.now();
      found.push(
        ...(await ports.orm.em
          .fork()
          .find(OperationEntity, where, { orderBy: { updatedAt: "asc" } })),
      );
      found = found.filter((operation) => yielded.get(operation.id) !== operation.lastSequence);
    }
    const operation = found.shift();
    if (!operation) return { wait: true };
    remember(yielded, operation);
    return { value: operation, last: false };
  });
}

function remember(yielded: Map<string, number>, { id, lastSequence }: Operation): void {
  yielded.delete(id);
  yielded.set(id, lastSequence);
  const [oldest] = yielded.keys();
  if (yielded.size > 1_000 && oldest !== undefined) yielded.delete(oldest);
}

type Step<T> = { readonly wait: true } | { readonly value: T; readonly last: boolean };

/**
 * Makes an iterator whose `return` ends a pending `next` at once. (An async generator's `return`
 * waits for its pending await, which for a quiet operation never comes.)
 */
function iterate<T>(
  signal: Signal,
  detach: () => void,
  step: (
    wakeUp: { operationIds: readonly string[]; everything: boolean } | null,
  ) => Promise<Step<T>>,
): AsyncIterableIterator<T> {
  let ended = false;
  const end = () => {
    ended = true;
    detach();
    signal.close();
  };
  const next = async (): Promise<IteratorResult<T>> => {
    try {
      for (
        let wakeUp: Awaited<ReturnType<Signal["next"]>> = null;
        !ended;
        wakeUp = await signal.next()
      ) {
        const found = await step(wakeUp);
        if ("wait" in found) continue;
        if (ended) break;
        if (found.last) end();
        return { value: found.value, done: false };
      }
      return { value: undefined, done: true };
    } catch (error) {
      end();
      throw error;
    }
  };
  return {
    next,
    return: async () => {
      end();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
