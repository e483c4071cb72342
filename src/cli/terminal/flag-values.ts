import { InvalidArgumentError } from "commander";
import { UsageError } from "./exit-codes.ts";

const MOST = 1_000;

/** The words of a flag that takes several, with commas between them. */
export const listOf = (text: string | undefined): string[] | undefined =>
  text
    ?.split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

/** The flags of a list that can be long. */
export interface LimitFlags {
  readonly limit?: string;
  readonly json?: boolean;
}

/** So many rows are shown to a person who does not say how many. */
const USUAL = 20;

/**
 * How many rows are listed at most: a script gets all of them, unless it says otherwise.
 *
 * @throws UsageError
 */
export function limitOf({ limit: text, json = false }: LimitFlags): number {
  if (text === undefined) return json ? Number.POSITIVE_INFINITY : USUAL;
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > MOST) {
    throw new UsageError(`--limit must be a number from 1 to ${MOST}, not '${text}'`);
  }
  return limit;
}

/**
 * The value of a flag that takes one of several words, in any case; undefined where it was not given.
 * Every such flag is read by this, before anything is opened: a word that there is not is wrong usage.
 *
 * @throws UsageError
 */
export function oneOf<Word extends string>(
  flag: string,
  text: string,
  words: readonly Word[],
): Word;
export function oneOf<Word extends string>(
  flag: string,
  text: string | undefined,
  words: readonly Word[],
): Word | undefined;
export function oneOf<Word extends string>(
  flag: string,
  text: string | undefined,
  words: readonly Word[],
): Word | undefined {
  if (text === undefined) return undefined;
  const word = words.find((each) => each === text.toUpperCase().replaceAll("-", "_"));
  if (word === undefined) {
    throw new UsageError(`${flag} must be one of ${words.join(", ")}, not '${text}'`);
  }
  return word;
}

/** The labels that a flag holds, each as `key=value`. @throws UsageError */
export const labelsIn = (texts: readonly string[]): { key: string; value: string }[] =>
  texts.map((text) => {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (key !== undefined && value !== undefined) return { key, value };
    throw new UsageError(`--label must be key=value, not '${text}'`);
  });

const AGO = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * The moment that a flag names: in ISO 8601, or as minutes, hours or days ago (`90m`, `24h`, `7d`);
 * undefined where it was not given.
 *
 * @throws UsageError
 */
export function momentOf(flag: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const moment =
    count === undefined
      ? new Date(/^\d{4}-\d\d-\d\d/.test(text) ? text : Number.NaN)
      : new Date(Date.now() - Number(count) * AGO[unit as keyof typeof AGO]);
  // The years that the API takes, too.
  if (moment.getUTCFullYear() > 0 && moment.getUTCFullYear() < 10_000) return moment;
  throw new UsageError(`${flag} must be a time such as 2026-11-21T09:30:00Z or 24h, not '${text}'`);
}

/** The fields of a request whose flags were given; the others take the request's own defaults. */
export const givenFields = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** The value of a flag that takes a whole number. @throws InvalidArgumentError */
export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number.");
}
