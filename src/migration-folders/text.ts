import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { DomainError } from "../kernel/domain-error.ts";

/**
 * The text of an SQL file, with LF and without a byte order mark.
 *
 * @throws DomainError of `code`, naming the file and its first bad byte, when it is not UTF-8 or
 *   holds NUL, which PostgreSQL cannot be sent: what follows it would be lost in silence
 */
export function decodeSql(
  bytes: Uint8Array,
  file: string,
  code: "E_MIGRATION_FOLDER" | "E_SEEDS_FAILED",
): string {
  const offset = firstBadByte(bytes);
  if (offset !== null) {
    const byte = `0x${bytes[offset]?.toString(16).toUpperCase().padStart(2, "0")}`;
    const advice = `${guessOf(bytes, offset)}: save it as UTF-8`;
    throw new DomainError(code, {
      message: `${file} is not UTF-8 text: ${byte} at byte ${offset}${advice}`,
      detail: { files: [file], offset },
      migration: { file },
    });
  }
  return new TextDecoder("utf-8").decode(bytes).replaceAll("\r\n", "\n");
}

/** The checksum of a text as `decodeSql` answers it, hexadecimal. */
export const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");

function firstBadByte(bytes: Uint8Array): number | null {
  const nul = bytes.indexOf(0);
  if (isUtf8(bytes)) return nul < 0 ? null : nul;
  let at = 0;
  while (at < bytes.length) {
    const length = lengthOf(bytes[at] ?? 0);
    if (length > 1 && !isUtf8(bytes.subarray(at, at + length))) break;
    if (length === 0) break;
    at += length;
  }
  return nul >= 0 && nul < at ? nul : at;
}

/** How many bytes a character has that begins with `lead`; 0: none begins so. */
function lengthOf(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

function guessOf(bytes: Uint8Array, offset: number): string {
  const sample = bytes.subarray(0, 1_000);
  const zeros = [0, 0];
  sample.forEach((byte, index) => {
    if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = zeros;
  const many = sample.length / 4;
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (odd > many && even < many)) {
    return " (it looks like UTF-16LE)";
  }
  if ((first === 0xfe && second === 0xff) || (even > many && odd < many)) {
    return " (it looks like UTF-16BE)";
  }
  return (bytes[offset] ?? 0) >= 0x80 ? " (it looks like Latin-1 or Windows-1252)" : "";
}
