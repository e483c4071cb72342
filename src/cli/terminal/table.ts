import type { Output } from "./output.ts";

/** Writes rows in columns as wide as they need, under a heading. */
export function writeTable(
  out: Output,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const format = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  out.line(out.style("bold", format(heading)));
  for (const row of rows) out.line(format(row));
}

/** Writes names with their values below one another; what has no value is left out. */
export function writeFields(
  out: Output,
  fields: readonly (readonly [name: string, value: string | null])[],
): void {
  const shown = fields.filter((field): field is [string, string] => field[1] !== null);
  const width = Math.max(...shown.map(([name]) => name.length));
  for (const [name, value] of shown)
    out.line(`  ${out.style("dim", name.padEnd(width))}  ${value}`);
}

/** A moment in ISO 8601 as a table shows it, to the minute; empty where there is none. */
export const minuteOf = (moment: string | null): string => secondOf(moment).slice(0, 16);

/** As `minuteOf`, to the second. */
export const secondOf = (moment: string | null): string =>
  moment?.slice(0, 19).replace("T", " ") ?? "";
