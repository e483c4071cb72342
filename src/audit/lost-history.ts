// Terminology
// noted link  the head of the audit chain at some moment, kept outside of the platform database
// lost        noted, and not in the chain: the database was replaced by an older or another one
// era         how many losses were accepted; what was noted in an earlier era proves nothing any more

import type { EntityManager } from "@mikro-orm/postgresql";
import { DomainError } from "../kernel/domain-error.ts";
import type { ChainLink } from "./verify.ts";

/** A link of the audit chain as it is noted outside of the platform database. */
export interface NotedLink extends ChainLink {
  /** When its fact was recorded; ISO 8601. */
  readonly at: string;
  readonly era: number;
}

/** What the platform database has lost. */
export interface LostHistory {
  /** What tells: a file, or a db server. */
  readonly place: string;
  /** The newest link that was noted there and is not in the chain; null where a fence token tells. */
  readonly noted: Pick<NotedLink, "sequence" | "at"> | null;
  /** The newest link before it that is known to be kept. */
  readonly kept: Pick<NotedLink, "sequence" | "at"> | null;
  /** A fence token that a db server has and the platform never drew; null where a link tells. */
  readonly token: number | null;
}

const ERA = `(select coalesce(max(era), 0) from platform.lost_history where accepted_at is not null)`;

const IS_OPEN = "exists (select from platform.lost_history where accepted_at is null)";

/** Of the noted links in a JSON parameter, those that count and are not in the chain. */
const MISSING = `
  select noted.sequence, noted.era
  from jsonb_to_recordset(?::jsonb) as noted (sequence bigint, hash text, era integer)
  where noted.sequence > 0 and noted.era >= ${ERA}
    and not exists (select from platform.audit_event kept
      where kept.sequence = noted.sequence and kept.hash = noted.hash)`;

/** Nobody can be let in: what stands in the database may have been revoked. */
export const historyLost = (): DomainError => new DomainError("E_HISTORY_LOST");

/**
 * Runs a query that decides who is let in. The same statement asks whether the chain still holds what this
 * process has seen of it, so that a database that lost something lets nobody in, not even for a moment.
 *
 * @param seen the newest link that this process has seen; null for none
 * @throws DomainError E_HISTORY_LOST
 */
export async function selectUnlessLost<Row extends object>(
  em: EntityManager,
  seen: NotedLink | null,
  query: string,
  params: readonly unknown[],
): Promise<Row[]> {
  const rows = await em.execute<(Row & { readonly lost: boolean; readonly found: true | null })[]>(
    `select history.lost, answer.*
     from (select ${IS_OPEN} or exists (${MISSING}) as lost) history
     left join (select true as found, query.* from (${query}) query) answer on not history.lost`,
    [JSON.stringify(seen === null ? [] : [seen]), ...params],
  );
  if (rows[0]?.lost !== false) throw historyLost();
  return rows.filter(({ found }) => found === true);
}

/** Where the chain stands. */
export interface HistoryState {
  /** Null while the trail is empty. */
  readonly head: NotedLink | null;
  readonly era: number;
  /** Whether a loss was told and is not accepted. */
  readonly open: boolean;
  /** Whether one of the noted links is not in the chain. */
  readonly missing: boolean;
  /** The newest fence token that was drawn. */
  readonly token: number;
}

/** Reads where the chain stands, in the statement that looks for noted links. */
export async function readHistory(
  em: EntityManager,
  noted: readonly NotedLink[],
): Promise<HistoryState> {
  const [row] = await em.execute<{ state: HistoryState }[]>(
    `select jsonb_build_object('era', ${ERA}, 'open', ${IS_OPEN}, 'missing', exists (${MISSING}),
       'token', (select last_value from platform.fence_token),
       'head', (select jsonb_build_object('sequence', event.sequence, 'hash', event.hash,
           'at', event.at, 'era', ${ERA})
         from platform.audit_head head join platform.audit_event event using (sequence))) as state`,
    [JSON.stringify(noted)],
  );
  if (!row) throw new Error("The state of the audit trail cannot be read");
  return row.state;
}

/** Which of the noted links are not in the chain. */
export async function missingLinks(
  em: EntityManager,
  noted: readonly NotedLink[],
): Promise<NotedLink[]> {
  const rows = await em.execute<{ sequence: string; era: number }[]>(MISSING, [
    JSON.stringify(noted),
  ]);
  const missing = new Set(rows.map(({ sequence, era }) => `${era} ${sequence}`));
  return noted.filter(({ sequence, era }) => missing.has(`${era} ${sequence}`));
}

/** The loss that was told and that nobody has accepted yet. */
export async function openLoss(em: EntityManager): Promise<LostHistory | null> {
  const [row] = await em.execute<{ loss: LostHistory }[]>(
    `select jsonb_build_object('place', place, 'token', token,
       'noted', case when noted_sequence is not null
         then jsonb_build_object('sequence', noted_sequence, 'at', noted_at) end,
       'kept', case when kept_sequence is not null
         then jsonb_build_object('sequence', kept_sequence, 'at', kept_at) end) as loss
     from platform.lost_history where accepted_at is null`,
  );
  return row?.loss ?? null;
}

/** A loss in a sentence. */
export function describeLoss({ place, noted, kept, token }: LostHistory): string {
  const since =
    kept === null
      ? "some of what happened lately"
      : `what happened after row ${kept.sequence} of the audit trail (${kept.at})`;
  const proof =
    noted === null
      ? `${place} has seen fence token ${token}, which was never drawn here`
      : `row ${noted.sequence} (${noted.at}), as noted in ${place}, is not in the trail`;
  return `The platform database has lost ${since}: ${proof}`;
}
