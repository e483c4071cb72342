import { randomBytes, randomFillSync } from "node:crypto";

/**
 * Answers a new UUID version 7 (RFC 9562 section 5.7): its first 48 bits are the time in
 * milliseconds, so that rows made later sort later and indexes stay dense.
 */
export function newId(now: number = Date.now()): string {
  const bytes = randomFillSync(Buffer.alloc(16));
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether `text` has the form of an id that `newId` makes: checked before it reaches a uuid column. */
export const isId = (text: string): boolean => UUID.test(text);

/** Answers `bytes` random bytes (32 unless told) as base64url: for passwords and tokens. */
export const newSecret = (bytes = 32): string => randomBytes(bytes).toString("base64url");
