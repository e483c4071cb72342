import { fileMarked, type Layout, migrationOf, refuseTwins, stemOf } from "../layout.ts";
import type { MigrationSettings, MigrationSource } from "../migration-source.ts";
import { fillEnvironment } from "../placeholders.ts";
import { refusedLine } from "../refusal.ts";
import { type Part, upPart } from "../sections.ts";
import type { TreeFile } from "../tree.ts";
import { compareVersions, numbersOf } from "../versions.ts";

const NAME = /^(\d+)_[^/]*\.sql$/;

/** Files by number, with the parts up and down in one file; `.sql` in subfolders is none of goose's. */
export const goose: Layout = {
  format: "GOOSE",
  tool: "goose",
  sign: (tree) => fileMarked(tree, /^--.*\+goose\s+up\b/i),
  read({ files }, settings) {
    const ordered = files
      .filter(({ path }) => NAME.test(path))
      .map((file) => ({
        file,
        path: file.path,
        version: numbersOf(NAME.exec(file.path)?.[1] ?? ""),
      }))
      .sort((a, b) => compareVersions(a.version, b.version));
    refuseTwins(ordered, (a, b) => compareVersions(a.version, b.version) === 0);
    return { migrations: ordered.map(({ file }) => readGoose(file, settings)), leftOut: [] };
  },
};

function readGoose(file: TreeFile, settings: MigrationSettings): MigrationSource {
  let transactional = true;
  let filling = false;
  const steer = (line: string, part: Part, number: number): Part | null => {
    const annotation = annotationOf(file.path, line, number);
    if (annotation === null) return null;
    if (annotation === "NO TRANSACTION") transactional = false;
    if (annotation.startsWith("ENVSUB ")) filling = annotation === "ENVSUB ON";
    if (annotation === "UP" && part !== "before") {
      throw refusedLine(file.path, number, "a second `-- +goose Up`, which goose refuses");
    }
    return annotation === "UP" ? "up" : annotation === "DOWN" ? "down" : part;
  };
  const edit = (line: string, number: number) =>
    filling ? fillEnvironment(file.path, number, line, settings.placeholders) : line;
  const text = upPart(file, "-- +goose Up", steer, edit);
  return migrationOf(file, stemOf(file.path), settings, { text, transactional });
}

const ANNOTATIONS = new Set([
  ...["UP", "DOWN", "STATEMENTBEGIN", "STATEMENTEND"],
  ...["NO TRANSACTION", "ENVSUB ON", "ENVSUB OFF"],
]);

/** goose reads lines and knows no quotes; it refuses what it does not know. */
function annotationOf(file: string, line: string, number: number): string | null {
  if (!line.trimStart().startsWith("--") || !line.includes("+goose")) return null;
  const annotation = line.replaceAll("--", "").replace("+goose", "").trim().toUpperCase();
  if (/^\s/.test(line) || !ANNOTATIONS.has(annotation)) {
    throw refusedLine(file, number, `goose does not take the line \`${line.trim()}\`: mend it`);
  }
  return annotation;
}
