import { createHash, randomInt } from "node:crypto";
import { crc32 } from "node:zlib";

// A service token is `tnt_`, 43 letters and digits by chance (256 bits), and 6 that check them.
const PREFIX = "tnt_";
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_LENGTH = 43;
const CHECK_LENGTH = 6;
const FORM = new RegExp(`^${PREFIX}[0-9A-Za-z]{${SECRET_LENGTH + CHECK_LENGTH}}$`);
const HINT_LENGTH = PREFIX.length + 6;

/** Makes the value of a service token: the prefix lets scanners find one that was published. */
export function newServiceToken(): string {
  const secret = Array.from({ length: SECRET_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]);
  const body = PREFIX + secret.join("");
  return body + checkOf(body);
}

/** Whether a text is a service token, told by its checksum alone: no one else's text is looked up. */
export const isServiceToken = (text: string): boolean =>
  FORM.test(text) && checkOf(text.slice(0, -CHECK_LENGTH)) === text.slice(-CHECK_LENGTH);

/**
 * The form in which a service token is kept. No argon2: what it slows down, guessing, is out of reach
 * for 256 random bits anyway, and every request would pay for it.
 */
export const hashServiceToken = (token: string): string =>
  createHash("sha256").update(token).digest("hex");

/** The beginning of a token, which may be shown. */
export const hintOf = (token: string): string => token.slice(0, HINT_LENGTH);

function checkOf(body: string): string {
  let rest = crc32(body);
  let check = "";
  while (check.length < CHECK_LENGTH) {
    check = ALPHABET.charAt(rest % ALPHABET.length) + check;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return check;
}
