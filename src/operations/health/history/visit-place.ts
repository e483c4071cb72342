import {
  type HistoryState,
  type LostHistory,
  missingLinks,
  openLoss,
  readHistory,
} from "../../../audit/lost-history.ts";
import { type AuditActor, record } from "../../../audit/record.ts";
import type { EntityManager } from "../../../database/orm.ts";
import { raiseTokens } from "../../engine/fence-tokens.ts";
import { type Noted, type NotedPlace, withLink } from "./noted-place.ts";

const WATCHER: AuditActor = {
  kind: "SYSTEM",
  id: "history",
  name: "watch over the platform's history",
  address: null,
};

/**
 * Compares what is noted in a place with the platform's audit chain, and notes the chain's head there. What
 * is noted and not in the chain is lost: that is recorded in the database, and the place is left as it is
 * until somebody has accepted the loss.
 *
 * @param em forked for each statement
 * @returns where the chain stood
 */
export async function visitPlace(em: EntityManager, place: NotedPlace): Promise<HistoryState> {
  let state: HistoryState | undefined;
  await place.visit(async (noted) => {
    state = await readHistory(em.fork(), noted.links.slice(-1));
    const { head, open, missing, token } = state;
    const ahead = noted.token > token;
    if ((missing || ahead) && !open) {
      await recordLoss(em, await lossOf(em, place, noted, state), eraOf(noted, state));
      state = { ...state, open: true };
    }
    if (ahead) await raiseTokens(em, noted.token);
    if (missing || ahead || open || head === null) return null;
    const newest = noted.links.at(-1);
    const known = newest?.sequence === head.sequence && newest.era === head.era;
    return known ? null : withLink(noted.links, head);
  });
  if (state === undefined) throw new Error(`${place.name} was not read`);
  return state;
}

/**
 * Searches for a loss and changes nothing: the recorded one, or one that a place shows. Places that do
 * not answer are left out.
 */
export async function searchLoss(
  em: EntityManager,
  places: readonly NotedPlace[],
): Promise<LostHistory | null> {
  let found = await openLoss(em.fork());
  const visit = (place: NotedPlace) =>
    place.visit(async (noted) => {
      const state = await readHistory(em.fork(), noted.links.slice(-1));
      if (state.missing || noted.token > state.token)
        found ??= await lossOf(em, place, noted, state);
      return null;
    });
  if (found === null) await Promise.allSettled(places.map(visit));
  return found;
}

/** What a place says was lost, and which of the links that it has noted are the last that were kept. */
async function lossOf(
  em: EntityManager,
  { name: place }: NotedPlace,
  { links, token }: Noted,
  state: HistoryState,
): Promise<LostHistory> {
  const missing = new Set(await missingLinks(em.fork(), links));
  return {
    place,
    noted: links.findLast((link) => missing.has(link)) ?? null,
    kept: links.findLast((link) => !missing.has(link)) ?? null,
    token: token > state.token ? token : null,
  };
}

const eraOf = ({ links }: Noted, { era }: HistoryState): number =>
  Math.max(era, links.at(-1)?.era ?? 0) + 1;

/** Records a loss, unless another process has. */
async function recordLoss(
  em: EntityManager,
  { place, noted, kept, token }: LostHistory,
  era: number,
): Promise<void> {
  await em.fork().transactional(async (transaction) => {
    const tx = transaction as EntityManager;
    const inserted = await tx.execute<unknown[]>(
      `insert into platform.lost_history
         (place, noted_sequence, noted_at, kept_sequence, kept_at, token, era)
       values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing returning id`,
      [
        ...[place, noted?.sequence ?? null, noted?.at ?? null],
        ...[kept?.sequence ?? null, kept?.at ?? null, token, era],
      ],
    );
    if (inserted.length === 0) return;
    const rows = { notedRow: noted?.sequence ?? null, keptRow: kept?.sequence ?? null };
    record(tx, WATCHER, {
      type: "PLATFORM_LOSS_NOTICED",
      detail: { place: place.slice(0, 500), ...rows, token },
    });
  });
}
