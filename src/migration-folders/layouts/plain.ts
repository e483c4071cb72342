import {
  folderOf,
  isSql,
  type Layout,
  migrationOf,
  refuseEmptyFolders,
  refuseTwins,
  stemOf,
} from "../layout.ts";
import { refusedLine } from "../refusal.ts";
import { sqlLines } from "../sql-lines.ts";
import type { Tree, TreeFile } from "../tree.ts";
import { comparePathVersions, pathVersion, type Version, versionOf } from "../versions.ts";
import { onlyFile, withoutPsqlGuard } from "./dump.ts";

/**
 * Files and folders by number, of no tool: `0001_a.sql`, `0002-b.sql`, `2026-01-05_c.sql`,
 * `0003_d/migration.sql`, `v1.2/0001_e.sql`, `v1.3/any.sql` alone; or one file of any name.
 */
export const plain: Layout = {
  format: "PLAIN",
  tool: "a folder of numbered files",
  sign: () => undefined,
  read(tree, settings) {
    refuseEmptyFolders(tree, (name) => versionOf(name) !== null);
    const only = onlyFile(tree);
    const sql = tree.files.filter(isSql);
    const held = Map.groupBy(sql, ({ path }) => folderOf(path));
    const numbered = sql.flatMap((file) => {
      const folder = folderOf(file.path);
      const version =
        pathVersion(idOf(file)) ??
        placeInFolder(tree, file, held.get(folder)?.length === 1) ??
        (file === only ? [] : null);
      return version === null ? [] : [{ file, path: file.path, version }];
    });
    numbered.sort((a, b) => comparePathVersions(a.version, b.version));
    refuseTwins(numbered, (a, b) => comparePathVersions(a.version, b.version) === 0);
    for (const { file } of numbered) refuseDownPart(file);
    const migrations = numbered.map(({ file }) =>
      migrationOf(file, idOf(file), settings, { text: withoutPsqlGuard(file) }),
    );
    return { migrations, leftOut: [] };
  },
};

/** The version of a file without a number in a folder that has one: the only one, or by its manifest. */
function placeInFolder(
  { byPath }: Tree,
  { path, name }: TreeFile,
  isAlone: boolean,
): readonly Version[] | null {
  const folder = folderOf(path);
  const version = folder === "" ? null : pathVersion(folder);
  if (version === null || isAlone) return version;
  const listed = byPath.get(`${folder}/manifest.json`)?.text.matchAll(/"([^"]+\.sql)"/g) ?? [];
  const at = [...listed].findIndex(([, file]) => file === name);
  return at === -1 ? null : [...version, [BigInt(at)]];
}

const idOf = ({ path, name }: TreeFile): string =>
  name === "migration.sql" && path !== name ? folderOf(path) : stemOf(path);

/** Words that stand before or behind the word itself, in the tools that have such lines. */
const PREFIX = String.raw`(?:[@+!][\w.-]+[\s:]+|(?:migrat\w*|sql|db|schema|begin|start|section)[\s:]+)?`;
const SUFFIX = String.raw`(?:\s+(?:migration|script|part|section|sql|begin|start))?`;
const WORD = "[@+!]?(?:downs?|roll[ _-]?back|undo|revert)";
const DOWN_MARKER = new RegExp(
  String.raw`^\s*(?:--|/\*)[-=*#/\s]*${PREFIX}${WORD}${SUFFIX}[\s:;.!*=#/-]*$` +
    "|^---- create above / drop below ----",
  "i",
);

/** A file whose second half undoes the first, marked as a tool does that is not known here. */
function refuseDownPart({ path, text }: TreeFile): void {
  if (!new RegExp(DOWN_MARKER, "im").test(text)) return;
  const lines = sqlLines(text);
  const marker = lines.findIndex((line) => line.inCode && DOWN_MARKER.test(line.text));
  if (marker < 0 || !lines.slice(marker + 1).some(({ holdsSql }) => holdsSql)) return;
  const why = "what follows seems to undo the migration: move it away, or drop this comment";
  throw refusedLine(path, marker + 1, `\`${lines[marker]?.text.trim()}\`: ${why}`);
}
