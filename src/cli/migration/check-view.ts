import type { ScratchCheck } from "../../operations/migration-check/apply-in-scratch.ts";
import type {
  FilePlace,
  MigrationCheck,
} from "../../operations/migration-check/check-migrations.ts";
import { excerptOf } from "../../sql-files/sql-file.ts";
import { formatDuration } from "../terminal/duration.ts";
import type { Output } from "../terminal/output.ts";
import { writeFields } from "../terminal/table.ts";

/** Rows of a list that a terminal shows; `--json` has all. */
const MOST = 50;

/** Whether a folder can be applied, and comes out the same both ways where that was tried. */
export const passes = (check: MigrationCheck, scratch: ScratchCheck | null): boolean =>
  check.refusals.length === 0 &&
  (scratch === null || (scratch.refusals.length === 0 && scratch.differences.length === 0));

/** Writes what is known of a folder without a database; the verdict only where it is the last word. */
export function writeCheck(out: Output, check: MigrationCheck, last: boolean): void {
  out.line(out.style("bold", check.dir));
  writeFields(out, [
    ["layout", check.format && nameOf(check.format)],
    ["home schema", check.home],
    ["isolation", isolationOf(check)],
    ["extensions", check.extensions.map(({ name }) => name).join(", ") || null],
    ["migrations", check.format && String(check.migrations.length)],
  ]);
  writeMigrations(out, check);
  writeList(
    out,
    "Not applied:",
    check.leftOut.map(({ file, why }) => [`  ${file}  ${out.style("dim", why)}`]),
  );
  writeList(
    out,
    "Passed over:",
    check.passedOver.map((place) => [
      `  ${placeOf(place)}: ${place.why}`,
      `    ${place.statement}`,
    ]),
  );
  writeList(
    out,
    "Refused:",
    check.refusals.map(({ file, line, statement, why, instead }) => [
      `  ${out.style("red", "✘")} ${file === null ? "" : `${placeOf({ file, line })}: `}${why}`,
      ...(statement ? [`    ${statement}`] : []),
      ...(instead === null ? [] : [`    → ${instead}`]),
    ]),
    Number.POSITIVE_INFINITY,
  );
  if (check.refusals.length > 0) {
    const count = counted(check.refusals.length, "thing");
    out.note(`${out.style("red", "✘")} ${count} must be changed before the folder can be applied.`);
  } else if (last) {
    out.line(
      `\n${out.style("green", "✔")} ${counted(check.migrations.length, "migration")} can be applied, ${wayOf(check)}.`,
    );
  }
}

/** Writes what came of applying it. */
export function writeScratchCheck(out: Output, check: MigrationCheck, scratch: ScratchCheck): void {
  const { refusals, differences, atOnceMs, fileByFileMs } = scratch;
  out.line();
  writeFields(out, [
    ["tried on", `${scratch.dbServer}, ${counted(scratch.tables, "table")}`],
    ["at once", atOnceMs === null ? "failed" : formatDuration(atOnceMs)],
    ["file by file", fileByFileMs === null ? "failed" : formatDuration(fileByFileMs)],
  ]);
  writeList(
    out,
    "Failed:",
    refusals.map(({ way, file, line, statement, why }) => [
      `  ${out.style("red", "✘")} ${way === "AT_ONCE" ? "at once" : "file by file"}: ${file === null ? "" : `${placeOf({ file, line })}: `}${why}`,
      ...(statement ? [`    ${statement}`] : []),
    ]),
  );
  writeList(
    out,
    "Different:",
    differences.map((line) => [`  ${out.style("yellow", "≠")} ${excerptOf(line)}`]),
  );
  if (passes(check, scratch)) {
    const count = counted(check.migrations.length, "migration");
    out.line(
      `\n${out.style("green", "✔")} ${count} were applied, with the same result at once and file by file, ${wayOf(check)}.`,
    );
  } else {
    const why =
      refusals.length > 0
        ? "The folder could not be applied"
        : "A tenant that is made anew differs from one that got the files one by one";
    out.note(`${out.style("red", "✘")} ${why}.`);
  }
}

/** The migrations in their order: many are cut in the middle, but for those that are not transactions. */
function writeMigrations(out: Output, { migrations }: MigrationCheck): void {
  const width = Math.max(...migrations.map(({ file }) => file.length));
  const shown = migrations.flatMap(({ file, apartBecause }, index) => {
    const told = index < MOST / 2 || index >= migrations.length - MOST / 2 || apartBecause !== null;
    if (!told) return [];
    const why = apartBecause === null ? "" : out.style("yellow", `no transaction: ${apartBecause}`);
    return [`${String(index + 1).padStart(6)}  ${file.padEnd(width)}  ${why}`.trimEnd()];
  });
  const hidden = migrations.length - shown.length;
  writeList(
    out,
    "In this order:",
    shown.map((line) => [line]),
    Number.POSITIVE_INFINITY,
  );
  if (hidden > 0) out.line(`  … ${hidden} in between are not shown; --json has all.`);
}

function writeList(
  out: Output,
  title: string,
  items: readonly (readonly string[])[],
  most: number = MOST,
): void {
  if (items.length === 0) return;
  out.line();
  out.line(title);
  for (const line of items.slice(0, most).flat()) out.line(line);
  if (items.length > most) out.line(`  … and ${items.length - most} more; --json has all.`);
}

const nameOf = (format: string): string => format.toLowerCase().replaceAll("_", "-");

const placeOf = ({
  file,
  line,
}: {
  readonly file: string;
  readonly line: number | null;
}): string => (line === null ? file : `${file} line ${line}`);

function isolationOf({ isolation, isolationBecause: place }: MigrationCheck): string | null {
  if (isolation === null) return null;
  if (place === null) return "SCHEMA and DATABASE";
  return `DATABASE alone: ${placeOf(place)}: ${(place satisfies FilePlace).why}`;
}

const wayOf = ({ isolation }: MigrationCheck): string =>
  isolation === "DATABASE" ? "with isolation DATABASE" : "in both isolations";

const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;
