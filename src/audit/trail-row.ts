import { createHash } from "node:crypto";
import { z } from "zod";

// The canonical form of a row, which the hash is made over, is described in docs/audit.md; in the
// database `platform.audit_hash` makes it. Both must stay as they are, or old trails cannot be read.

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** A row of the audit trail as it is exported, with everything that its hash is made over. */
export const TrailRow = z.strictObject({
  sequence: z.int().min(1),
  /** ISO 8601 in UTC, with microseconds. */
  at: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  type: z.string(),
  actorKind: z.string(),
  actorId: z.string(),
  actorName: z.string(),
  address: z.string().nullable(),
  tenantId: z.string().nullable(),
  tenantSlug: z.string().nullable(),
  operationId: z.string().nullable(),
  detail: z.record(z.string(), z.unknown()),
  id: z.string(),
  prevHash: hash,
  hash,
});
export type TrailRow = z.infer<typeof TrailRow>;

/** The names of a row's fields, in the order in which they are exported. */
export const TRAIL_FIELDS = Object.keys(TrailRow.shape) as (keyof TrailRow)[];

/** The hash that a row's content has: SHA-256 over its canonical form, in hex. */
export function hashOf(row: Omit<TrailRow, "hash">): string {
  const canonical = canonicalJson([
    row.prevHash,
    row.sequence,
    row.id,
    microsecondsOf(row.at),
    row.type,
    row.actorKind,
    row.actorId,
    row.actorName,
    row.address,
    row.tenantId,
    row.tenantSlug,
    row.operationId,
    row.detail,
  ]);
  return createHash("sha256").update(canonical, "utf8").digest("hex");
}

/** Since 1970, of a time in ISO 8601 with six digits behind the second. */
const microsecondsOf = (at: string): number =>
  Date.parse(`${at.slice(0, 23)}Z`) * 1000 + Number(at.slice(23, 26));

/** JSON as PostgreSQL writes a jsonb: a blank behind commas and colons, keys by length, then by bytes. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).sort(([a], [b]) => byLengthThenBytes(a, b));
    return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}: ${canonicalJson(inner)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

function byLengthThenBytes(a: string, b: string): number {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length - right.length || left.compare(right);
}
