import { refusal, refusedLine } from "./refusal.ts";
import type { TreeFile } from "./tree.ts";

/** Where a line of a marked file stands. */
export type Part = "before" | "up" | "down";

/**
 * The up part of a file in which lines mark the parts; all else is blank.
 *
 * @param steer the part from a line on, where it is a marker; null: it is none
 * @param edit what becomes of a line of the up part
 * @param begin the part that the file begins with
 * @throws DomainError E_MIGRATION_FOLDER for a file without an up part, or with SQL before it
 */
export function upPart(
  file: TreeFile,
  marker: string,
  steer: (line: string, part: Part, number: number) => Part | null,
  edit = (line: string, _number: number): string => line,
  begin: Part = "before",
): string {
  let part = begin;
  let marked = begin === "up";
  let early = 0;
  const lines = file.text.split("\n").map((line, at) => {
    const steered = steer(line, part, at + 1);
    if (steered !== null) {
      part = steered;
      marked ||= part === "up";
      return "";
    }
    if (part === "up") return edit(line, at + 1);
    if (part === "before" && /^\s*(?!--)\S/.test(line)) early ||= at + 1;
    return "";
  });
  if (!marked) {
    const why = `has no \`${marker}\`, as the others have: add the line, or move the file away`;
    throw refusal([file.path], `${file.path} ${why}`);
  }
  if (early > 0) {
    throw refusedLine(file.path, early, `this stands before \`${marker}\`: move it below`);
  }
  return lines.join("\n");
}

/** The text with some of its lines blank. */
export const blankLines = (text: string, blank: (line: string, number: number) => boolean) =>
  text
    .split("\n")
    .map((line, at) => (blank(line, at + 1) ? "" : line))
    .join("\n");
