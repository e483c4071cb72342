import { setImmediate } from "node:timers/promises";
import type { EntityName } from "@mikro-orm/core";
import type { Orm } from "../../database/orm.ts";
import { eventsAfter } from "./journal.ts";
import { type Operation, OperationEntity, type OperationEvent } from "./operation.entity.ts";

/**
 * These rows as they stand, the one that changed last at the end; with `since` (ms since 1970) also what
 * has changed from then on.
 */
export type ReadChanged<Row> = (
  ids: readonly string[],
  since: number | null,
) => Promise<readonly Row[]>;

/** Reads for followers: a thousand who are woken by one change cost one query, and share its rows. */
export interface SharedReads {
  /** The next events behind a place in a journal, at most `PAGE`. */
  eventsAfter(operationId: string, sequence: number): Promise<readonly OperationEvent[]>;
  readonly changed: ReadChanged<Operation>;
}

/** Events of one read at most. */
export const PAGE = 500;

/** Two clocks and an open transaction may lie between a change and the moment it can be seen. */
const LOOK_BACK_MS = 10_000;

/** Opens the reads of one process. */
export function openSharedReads(orm: Orm): SharedReads {
  const pages = new Map<string, Promise<readonly OperationEvent[]>>();
  return {
    eventsAfter: (operationId, sequence) => {
      const place = `${operationId}:${sequence}`;
      const shared = pages.get(place);
      if (shared) return shared;
      const read = setImmediate().then(async () => {
        pages.delete(place);
        return await eventsAfter(orm.em.fork(), operationId, sequence, PAGE);
      });
      pages.set(place, read);
      return read;
    },
    changed: openChanges<Operation>(orm, OperationEntity),
  };
}

interface Changing {
  readonly id: string;
  readonly updatedAt: Date;
}

interface Wanted<Row> {
  readonly ids: Set<string>;
  since: number;
  readonly rows: Promise<readonly Row[]>;
}

/** Reads what has changed of a table, one query for all who are woken at a moment. */
export function openChanges<Row extends Changing>(
  orm: Orm,
  entity: EntityName<Row>,
): ReadChanged<Row> {
  let wanted: Wanted<Row> | undefined;
  // Nobody joins a read that is under way: it may be older than what woke them.
  const gather = (): Wanted<Row> => {
    const next: Wanted<Row> = {
      ids: new Set(),
      since: Number.POSITIVE_INFINITY,
      rows: setImmediate().then(async () => {
        wanted = undefined;
        return await readChanged(orm, entity, next);
      }),
    };
    return next;
  };
  return async (ids, since) => {
    wanted ??= gather();
    for (const id of ids) wanted.ids.add(id);
    wanted.since = Math.min(wanted.since, since ?? Number.POSITIVE_INFINITY);
    const own = new Set(ids);
    const from = since === null ? Number.POSITIVE_INFINITY : since - LOOK_BACK_MS;
    const rows = await wanted.rows;
    return rows.filter(({ id, updatedAt }) => own.has(id) || updatedAt.getTime() > from);
  };
}

async function readChanged<Row extends Changing>(
  orm: Orm,
  entity: EntityName<Row>,
  { ids, since }: Wanted<Row>,
): Promise<Row[]> {
  const recent = Number.isFinite(since)
    ? [{ updatedAt: { $gt: new Date(since - LOOK_BACK_MS) } }]
    : [];
  const where = { $or: [{ id: { $in: [...ids] } }, ...recent] };
  return await orm.em
    .fork()
    .find(entity, where as never, { orderBy: { updatedAt: "asc" } as never });
}
