import { TRAIL_FIELDS, TrailRow } from "./trail-row.ts";

interface Format {
  /** The line before the rows; empty where there is none. */
  readonly header: string;
  /** A row as text, with the end of its line. */
  write(row: TrailRow): string;
  /** The row that such a text tells of. @throws Error for a text that tells of none */
  read(text: string): TrailRow;
}

/** JSON Lines: one object a row. */
const jsonl: Format = {
  header: "",
  write: (row) => {
    const fields = TRAIL_FIELDS.map((field) => [field, row[field]]);
    return `${JSON.stringify(Object.fromEntries(fields))}\n`;
  },
  read: (text) => TrailRow.parse(JSON.parse(text)),
};

/**
 * Comma-separated values (RFC 4180): the detail is JSON, an empty text is `""`, and null is nothing. A text
 * that a spreadsheet would take for a formula stands behind an apostrophe, as does one that begins with it.
 */
const csv: Format = {
  header: `${TRAIL_FIELDS.join(",")}\n`,
  write: (row) => `${TRAIL_FIELDS.map((field) => cellOf(row[field])).join(",")}\n`,
  read: (text) => {
    const cells = cellsOf(text.slice(0, -1));
    const row = Object.fromEntries(TRAIL_FIELDS.map((field, at) => [field, cells[at] ?? null]));
    const detail: unknown = JSON.parse(row.detail ?? "");
    return TrailRow.parse({ ...row, sequence: Number(row.sequence), detail });
  },
};

/** How the audit trail can be exported. */
export const FORMATS = { jsonl, csv } as const satisfies Record<string, Format>;
export type ExportFormat = keyof typeof FORMATS;

// Also in the full width of East Asian keyboards (OWASP, CSV Injection).
const FORMULA = /^['=+\-@＝＋－＠\t\r\n]/;

function cellOf(value: TrailRow[keyof TrailRow]): string {
  if (value === null) return "";
  const content = typeof value === "string" ? value : JSON.stringify(value);
  const text = FORMULA.test(content) ? `'${content}` : content;
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const cellsOf = (line: string): (string | null)[] =>
  [...line.matchAll(/(?:^|,)(?:"([^"]*(?:""[^"]*)*)"|([^",]*))/g)].map(([, quoted, plain = ""]) => {
    if (quoted === undefined && plain === "") return null;
    return (quoted?.replaceAll('""', '"') ?? plain).replace(/^'/, "");
  });
