import { type ExportFormat, FORMATS } from "./export-format.ts";
import { recordsOf } from "./export-records.ts";
import { hashOf, type TrailRow } from "./trail-row.ts";

/** What an exported file turned out to be. */
export interface ExportVerdict {
  readonly rows: number;
  /** Where it begins: `prevHash` is the hash of the row before it, 64 zeros for the trail's first. */
  readonly first: Pick<TrailRow, "sequence" | "prevHash"> | null;
  /** Where it ends: the hash that the next export begins with. */
  readonly last: Pick<TrailRow, "sequence" | "hash"> | null;
  /** The first bad row; null when the file is whole. */
  readonly bad: BadRow | null;
}

interface BadRow {
  /** Null where the file's first row cannot be read, or there is none. */
  readonly sequence: number | null;
  readonly why: string;
}

/**
 * Recomputes the chain of an exported file, offline and in bounded memory. A changed, missing, added or
 * moved byte is found; rows that were cut off at either end show in `first` and `last` only, which are
 * to be compared with what was noted elsewhere.
 */
export async function verifyExport(bytes: AsyncIterable<Uint8Array>): Promise<ExportVerdict> {
  let rows = 0;
  let first: TrailRow | null = null;
  let last: TrailRow | null = null;
  let format: ExportFormat = "jsonl";
  for await (const text of recordsOf(bytes)) {
    if (first === null && text === FORMATS.csv.header) {
      format = "csv";
      continue;
    }
    const row = text === null ? null : readExactly(format, text);
    const bad = faultOf(row, last);
    if (row === null || bad) return { rows, first, last, bad };
    first ??= row;
    last = row;
    rows += 1;
  }
  const bad = first === null ? { sequence: null, why: "it holds no rows" } : null;
  return { rows, first, last, bad };
}

/** The row of a text that is, byte for byte, how an export writes it; null for any other. */
function readExactly(format: ExportFormat, text: string): TrailRow | null {
  try {
    const row = FORMATS[format].read(text);
    return FORMATS[format].write(row) === text ? row : null;
  } catch {
    return null;
  }
}

function faultOf(row: TrailRow | null, before: TrailRow | null): BadRow | null {
  const expected = before === null ? null : before.sequence + 1;
  if (row === null) return { sequence: expected, why: "it is not a row as exports write it" };
  if (hashOf(row) !== row.hash) {
    return { sequence: expected ?? row.sequence, why: "its content does not have its hash" };
  }
  if (before === null) return null;
  if (row.sequence === expected && row.prevHash === before.hash) return null;
  return { sequence: row.sequence, why: `it does not follow row ${before.sequence}` };
}
