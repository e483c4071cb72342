import { fileMarked, type Layout, migrationOf, stemOf } from "../layout.ts";
import type { MigrationSettings, MigrationSource } from "../migration-source.ts";
import { type Part, upPart } from "../sections.ts";
import type { TreeFile } from "../tree.ts";
import { byText } from "../versions.ts";

const COMMAND = /^-- \+migrate\s+(\S+)(.*)$/;

/** Files by the number that their names begin with, then by name, with the parts in one file. */
export const sqlMigrate: Layout = {
  format: "SQL_MIGRATE",
  tool: "sql-migrate",
  sign: (tree) => fileMarked(tree, /^-- \+migrate\s+Up\b/),
  read({ files }, settings) {
    const ordered = files.filter(({ path }) => /^[^/]+\.sql$/.test(path)).sort(compareNames);
    return { migrations: ordered.map((file) => readSqlMigrate(file, settings)), leftOut: [] };
  },
};

function compareNames(a: TreeFile, b: TreeFile): number {
  const [first, second] = [a, b].map(({ path }) => /^\d+/.exec(path)?.[0]);
  if (first === undefined && second === undefined) return byText(a.path, b.path);
  if (first === undefined || second === undefined) return first === undefined ? 1 : -1;
  const difference = BigInt(first) - BigInt(second);
  return difference === 0n ? byText(a.path, b.path) : difference < 0n ? -1 : 1;
}

/** A file may change between up and down more than once. */
function readSqlMigrate(file: TreeFile, settings: MigrationSettings): MigrationSource {
  let transactional = true;
  const steer = (line: string, part: Part): Part | null => {
    const [, command, options = ""] = COMMAND.exec(line) ?? [];
    if (command === undefined) return null;
    if (command === "Up" && /\snotransaction(\s|$)/.test(options)) transactional = false;
    return command === "Up" ? "up" : command === "Down" ? "down" : part;
  };
  const text = upPart(file, "-- +migrate Up", steer);
  return migrationOf(file, stemOf(file.path), settings, { text, transactional });
}
