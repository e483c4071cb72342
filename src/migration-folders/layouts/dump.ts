import { isSql, type Layout, migrationOf, stemOf } from "../layout.ts";
import { refusal, refusedLine } from "../refusal.ts";
import { blankLines } from "../sections.ts";
import { linesInCode } from "../sql-lines.ts";
import type { Tree, TreeFile } from "../tree.ts";

/** Begins as pg_dump does, which Rails shortens for its structure.sql. */
const HEADER = /^(?:\s*--[^\n]*\n|\\restrict[^\n]*\n|\s+)*SET statement_timeout = 0;/;

/** The one SQL file of a folder that lies in it and in none below; undefined: there are others. */
export function onlyFile({ files }: Tree): TreeFile | undefined {
  const [first, second] = files.filter(isSql);
  return second === undefined && first?.path === first?.name ? first : undefined;
}

/** One file that holds a whole schema: pg_dump's, or Rails' structure.sql. */
export const dump: Layout = {
  format: "DUMP",
  tool: "a folder with one dump",
  sign(tree) {
    const file = onlyFile(tree);
    if (file === undefined) return undefined;
    const isDump = /^(structure|schema)\.sql$/i.test(file.path) || HEADER.test(file.draft);
    return isDump ? file.path : undefined;
  },
  read(tree, settings) {
    const file = onlyFile(tree);
    if (file === undefined) {
      const files = tree.files.filter(isSql).map(({ path }) => path);
      throw refusal(files, `${tree.dir} is to hold one dump, and holds ${files.length} .sql files`);
    }
    const text = withoutPsqlGuard(file);
    return { migrations: [migrationOf(file, stemOf(file.path), settings, { text })], leftOut: [] };
  },
};

/** Blanks `\restrict` and `\unrestrict`, which pg_dump writes for psql and no server understands. */
export function withoutPsqlGuard(file: TreeFile): string {
  const { path, text } = file;
  if (!/^\\/m.test(text)) return text;
  const [connect] = linesInCode(text, /^\\c(onnect)?\b/);
  if (connect !== undefined) {
    throw refusedLine(path, connect, "the dump changes to another database: dump one database");
  }
  const guards = new Set(linesInCode(text, /^\\(un)?restrict\b/));
  return blankLines(text, (_line, number) => guards.has(number));
}
