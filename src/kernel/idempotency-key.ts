import { createHash } from "node:crypto";

/** How long a key is kept after its first use, in milliseconds: 30 days. */
export const KEY_LIFETIME = 30 * 86_400_000;

/** Hashes a request as SHA-256 in hex, whatever the order of its fields. */
export function hashRequest(request: unknown): string {
  const sorted = JSON.stringify(request, (_key, value: unknown) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash("sha256").update(sorted).digest("hex");
}
