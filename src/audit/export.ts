import type { EntityManager } from "@mikro-orm/postgresql";
import { type ExportFormat, FORMATS } from "./export-format.ts";
import type { TrailRow } from "./trail-row.ts";

/** Which part of the trail to export; what is absent does not matter. */
export interface ExportFilter {
  readonly since?: Date;
  readonly until?: Date;
  /** Rows behind this sequence: to go on where an earlier export ended. */
  readonly after?: number;
}

/** What an export holds: its first row's place in the chain, and its last one's. */
export interface Exported {
  rows: number;
  first: { readonly sequence: number; readonly prevHash: string } | null;
  last: { readonly sequence: number; readonly hash: string } | null;
}

const BATCH = 1_000;

/**
 * Exports the audit trail, in the order of its sequence and without a gap, so that the export can be
 * verified by itself. Rows are numbered at their commit and bear the time of their transaction's
 * beginning: a window of time is every row from its first to its last one. Reads in batches, and holds
 * neither a transaction nor more than one batch.
 *
 * @param told is told what was exported, as it goes
 */
export async function* exportTrail(
  em: EntityManager,
  filter: ExportFilter,
  format: ExportFormat,
  told: Exported,
): AsyncGenerator<string> {
  const { header, write } = FORMATS[format];
  yield header;
  const { from, to } = await rangeOf(em, filter);
  for (let next = from; next <= to; ) {
    const rows = await batchOf(em, next, to);
    const last = rows.at(-1);
    if (last === undefined) return;
    told.first ??= rows[0] ?? null;
    told.last = last;
    told.rows += rows.length;
    next = last.sequence + 1;
    yield rows.map(write).join("");
  }
}

async function rangeOf(
  em: EntityManager,
  { since, until, after }: ExportFilter,
): Promise<{ from: number; to: number }> {
  const [range] = await em.execute<{ from: string | null; to: string | null }[]>(
    `select ${since ? "(select min(sequence) from platform.audit_event where at >= ?)" : "1"}::text as from,
            ${until ? "(select max(sequence) from platform.audit_event where at < ?)" : "(select sequence from platform.audit_head)"}::text as to`,
    [...(since ? [since] : []), ...(until ? [until] : [])],
  );
  const from = Number(range?.from ?? Number.POSITIVE_INFINITY);
  return { from: Math.max(from, (after ?? 0) + 1), to: Number(range?.to ?? 0) };
}

const batchOf = async (em: EntityManager, from: number, to: number): Promise<TrailRow[]> => {
  const rows = await em.execute<(Omit<TrailRow, "sequence"> & { sequence: string })[]>(
    `select sequence::text as sequence,
       to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
       type, actor_kind as "actorKind", actor_id as "actorId", actor_name as "actorName", address,
       tenant_id as "tenantId", tenant_slug as "tenantSlug", operation_id as "operationId", detail,
       id, prev_hash as "prevHash", hash
     from platform.audit_event event
     where event.sequence between ? and ? order by event.sequence limit ${BATCH}`,
    [from, to],
  );
  return rows.map((row) => ({ ...row, sequence: Number(row.sequence) }));
};
