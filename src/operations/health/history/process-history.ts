import { hostname } from "node:os";
import type { LostHistory, NotedLink } from "../../../audit/lost-history.ts";
import type { NotedPlace } from "./noted-place.ts";

/** What this process knows of the platform's history: the first place in which it is noted. */
export interface ProcessHistory extends NotedPlace {
  /** The newest link of the audit chain that this process has seen; null before the first check. */
  readonly newest: NotedLink | null;
  /** What the platform database has lost and nobody has accepted yet, as of the last check. */
  loss: LostHistory | null;
}

/** Opens the memory of this process. */
export function openProcessHistory(): ProcessHistory {
  let links: readonly NotedLink[] = [];
  return {
    name: `the memory of process ${process.pid} on ${hostname()}`,
    visit: async (next) => {
      links = (await next({ links, token: 0 })) ?? links;
    },
    get newest() {
      return links.at(-1) ?? null;
    },
    loss: null,
  };
}
