import { UsageError } from "./exit-codes.ts";

const MOST = 1_000;

/** The value of `--limit`. @throws UsageError */
export function limitOf(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > MOST) {
    throw new UsageError(`--limit must be a number from 1 to ${MOST}, not '${text}'`);
  }
  return limit;
}

/** The value of a flag that takes one of several words, in any case. @throws UsageError */
export function oneOf<Word extends string>(
  flag: string,
  text: string,
  words: readonly Word[],
): Word {
  const word = words.find((each) => each === text.toUpperCase().replaceAll("-", "_"));
  if (word === undefined) {
    throw new UsageError(`${flag} must be one of ${words.join(", ")}, not '${text}'`);
  }
  return word;
}
