import { fileMarked, type Layout, migrationOf, refuseTwins, stemOf } from "../layout.ts";
import type { MigrationSettings, MigrationSource } from "../migration-source.ts";
import { type Part, upPart } from "../sections.ts";
import type { TreeFile } from "../tree.ts";
import { byText } from "../versions.ts";

const NAME = /^(\d+)[^/]*\.sql$/;
const UP = /^--\s*migrate:up(\s*$|\s+\S+)/;
const DOWN = /^--\s*migrate:down(\s*$|\s+\S+$)/;

/** Files in the order of their names, with the parts up and down in one file. */
export const dbmate: Layout = {
  format: "DBMATE",
  tool: "dbmate",
  sign: (tree) => fileMarked(tree, UP),
  read({ files }, settings) {
    const ordered = files
      .filter(({ path }) => NAME.test(path))
      .sort((a, b) => byText(a.path, b.path));
    const version = ({ path }: TreeFile) => NAME.exec(path)?.[1];
    refuseTwins(ordered, (a, b) => version(a) === version(b));
    return { migrations: ordered.map((file) => readDbmate(file, settings)), leftOut: [] };
  },
};

/** dbmate takes what lies between the first line up and the first line down. */
function readDbmate(file: TreeFile, settings: MigrationSettings): MigrationSource {
  let transactional = true;
  const steer = (line: string, part: Part): Part | null => {
    if (part === "before" && UP.test(line)) {
      transactional = !/\stransaction:false(\s|$)/.test(line);
      return "up";
    }
    return part !== "down" && DOWN.test(line) ? "down" : null;
  };
  const text = upPart(file, "-- migrate:up", steer);
  return migrationOf(file, stemOf(file.path), settings, { text, transactional });
}
