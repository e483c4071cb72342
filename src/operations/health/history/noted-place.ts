import { z } from "zod";
import type { NotedLink } from "../../../audit/lost-history.ts";

/** Links that were noted in one place, the oldest first. */
export const NotedLinks = z.array(
  z.object({
    sequence: z.int().min(0),
    hash: z.string(),
    at: z.string(),
    era: z.int().min(0),
  }),
);

/** What is noted in a place outside of the platform database. */
export interface Noted {
  readonly links: readonly NotedLink[];
  /** The greatest fence token that is known there; 0 where none is. */
  readonly token: number;
}

/** A place outside of the platform database where the head of the audit chain is noted. */
export interface NotedPlace {
  /** For people: `db server 'eu-1'`. */
  readonly name: string;
  /** Reads what is noted, and notes what `next` answers to it; null leaves all as it is. */
  visit(next: (noted: Noted) => Promise<readonly NotedLink[] | null>): Promise<void>;
}

const MOST = 64;

/**
 * The links with a further one. They grow sparser with their age, so that few of them reach far back: they
 * show where a chain that lost its end was cut off.
 */
export function withLink(links: readonly NotedLink[], link: NotedLink): NotedLink[] {
  const ofEra = links.filter(({ era }) => era === link.era);
  const kept =
    ofEra.length < MOST ? ofEra : ofEra.filter((_, at) => at >= MOST / 2 || at % 2 === 0);
  return [...kept, link];
}
