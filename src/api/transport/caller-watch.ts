import { DomainError, isDomainError } from "../../kernel/domain-error.ts";
import type { Platform } from "../../platform.ts";
import { type Caller, isUnchanged, noLonger } from "../caller.ts";

type End = (reason: DomainError) => void;

/** Ends what a caller has open when the caller may not have it any more. */
export interface CallerWatch {
  /**
   * Calls `end` when the token expires, or within 5 seconds after the caller was disabled, revoked,
   * removed or given another role.
   *
   * @returns lets go, without calling `end`
   */
  watch(caller: Caller, end: End): () => void;
  /** How many sockets and streams the caller has open. */
  openOf(caller: Caller): number;
  /** Ends everything that is watched. */
  endAll(reason: DomainError): void;
  close(): void;
}

interface Watched {
  readonly caller: Caller;
  readonly end: End;
}

/** Well within the 5 seconds, so that a busy process keeps the promise too. */
const EVERY_MS = 2_000;

/** Timers count in 31 bits. What lasts longer, a service token, ends by the look at how callers stand. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Sockets and event streams that one caller may have open at a time. */
export const OPEN_OF_ONE_CALLER = 2_000;

/** Watches callers: one query every 2 seconds for all of them, none while nobody is watched. */
export function watchCallers({
  standings,
  keys,
  clock,
  log,
}: Pick<Platform, "standings" | "keys" | "clock" | "log">): CallerWatch {
  const watched = new Map<string, Set<Watched>>();
  let asking = false;

  const endAll: CallerWatch["endAll"] = (reason) => {
    for (const entries of [...watched.values()]) for (const { end } of [...entries]) end(reason);
  };
  const check = async () => {
    if (asking || watched.size === 0) return;
    asking = true;
    try {
      const entries = [...watched.values()].flatMap((each) => [...each]);
      const unchanged = await Promise.all(
        entries.map(({ caller }) => isUnchanged({ standings, keys }, caller)),
      );
      for (const [index, { end }] of entries.entries()) if (!unchanged[index]) end(noLonger());
    } catch (error) {
      if (isDomainError(error, "E_HISTORY_LOST")) return endAll(error);
      log.warn({ err: error }, "callers of open streams cannot be checked");
    } finally {
      asking = false;
    }
  };
  const timer = setInterval(() => void check(), EVERY_MS);

  return {
    watch: (caller, end) => {
      const { actor, expiresAt } = caller;
      const entry: Watched = { caller, end };
      const entries = watched.get(actor.id) ?? new Set();
      watched.set(actor.id, entries.add(entry));
      const lasts = expiresAt.getTime() - clock().getTime();
      const expiry = lasts > LONGEST_TIMER ? undefined : setTimeout(() => end(expired()), lasts);
      return () => {
        clearTimeout(expiry);
        entries.delete(entry);
        if (entries.size === 0 && watched.get(actor.id) === entries) watched.delete(actor.id);
      };
    },
    openOf: ({ actor }) => watched.get(actor.id)?.size ?? 0,
    endAll,
    close: () => clearInterval(timer),
  };
}

const expired = () => new DomainError("E_UNAUTHENTICATED", { message: "The token has expired" });
