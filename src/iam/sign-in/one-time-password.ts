import { randomBytes } from "node:crypto";

const HOUR = 3_600_000;
const LENGTH = 20;
// 32 characters that are read out and typed without a mistake: no l, o, 0 and 1.
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

/** How long a one-time password lets in, in milliseconds: 72 hours. */
export const ONE_TIME_PASSWORD_LIFETIME = 72 * HOUR;

/** Spells the first 20 bytes as a one-time password of 20 characters, 100 bits. */
export const spellOneTimePassword = (bytes: Buffer): string =>
  Array.from(bytes.subarray(0, LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join("");

/** Makes a one-time password by chance. */
export const newOneTimePassword = (): string => spellOneTimePassword(randomBytes(LENGTH));
