import { scanSync } from "libpg-query";

/** A token of PostgreSQL's scanner; places count characters of the scanned text. */
export interface Token {
  readonly from: number;
  readonly to: number;
  readonly text: string;
  /** The name that an identifier or a keyword stands for, `.` and other signs as they are; null for a string. */
  readonly name: string | null;
  /** The value of a string constant; null for other tokens, and for strings with escapes. */
  readonly value: string | null;
  readonly quoted: boolean;
}

/** What stands before the first token and behind the last one. */
export const NONE = { from: 0, to: 0, text: "", name: null, value: null, quoted: false } as const;
export type NoToken = typeof NONE;

const STRING = "SCONST";
const IDENT = "IDENT";
const COMMENTS = new Set(["SQL_COMMENT", "C_COMMENT"]);

/**
 * Scans a text as PostgreSQL does, without comments.
 *
 * @throws Error where it holds what is no token, such as a string without an end
 */
export function scan(text: string): Token[] {
  if (text.trim() === "") return [];
  const place = placesOf(text);
  return scanSync(text)
    .tokens.filter(({ tokenName }) => !COMMENTS.has(tokenName))
    .map(({ start, end, tokenName, keywordName }) => {
      const [from, to] = [place(start), place(end)];
      const written = text.slice(from, to);
      const quoted = tokenName === IDENT && written.startsWith('"');
      const isString = tokenName === STRING;
      const isWord = tokenName === IDENT || keywordName !== "NO_KEYWORD";
      const unquoted = quoted ? written.slice(1, -1).replaceAll('""', '"') : written;
      const name = isWord && !quoted ? written.toLowerCase() : unquoted;
      return {
        from,
        to,
        text: written,
        quoted,
        name: isString ? null : name,
        value: isString ? stringOf(written) : null,
      };
    });
}

/** From bytes of UTF-8 to characters of a text. */
export function placesOf(text: string): (byte: number) => number {
  const length = Buffer.byteLength(text, "utf8");
  if (length === text.length) return (byte) => byte;
  const places = new Uint32Array(length + 1);
  let byte = 0;
  for (const character of text) {
    const next = byte + Buffer.byteLength(character, "utf8");
    places.fill((places[byte] ?? 0) + character.length, byte + 1, next + 1);
    byte = next;
  }
  return (at) => places[Math.min(at, length)] ?? text.length;
}

const DOLLARS = /^\$[^$]*\$/;

/** What a string constant means; null where it has escapes of its own (`E'\n'`, `U&'…'`). */
function stringOf(written: string): string | null {
  const tag = DOLLARS.exec(written)?.[0];
  if (tag !== undefined) return written.slice(tag.length, -tag.length);
  const plain = /^[eE]?'/.exec(written)?.[0];
  if (plain === undefined || (plain.length > 1 && written.includes("\\"))) return null;
  return written.slice(plain.length, -1).replaceAll("''", "'");
}

/** How a string constant was quoted: what stands before and after, and how its text is written. */
export function quotingOf(written: string): {
  readonly open: string;
  readonly close: string;
  readonly write: (text: string) => string;
} {
  const tag = DOLLARS.exec(written)?.[0];
  if (tag !== undefined) return { open: tag, close: tag, write: (text) => text };
  const open = /^[eE]/.test(written) ? "E'" : "'";
  return { open, close: "'", write: (text) => text.replaceAll("'", "''") };
}
