import { fileMarked, isSql, type Layout, migrationOf, refuseTwins, stemOf } from "../layout.ts";
import { upPart } from "../sections.ts";
import { comparePathVersions, pathVersion } from "../versions.ts";

const UP = /^\s*--[\s-]*up\s+migration/i;
const DOWN = /^\s*--[\s-]*down\s+migration/i;

/** SQL files by number, with the parts up and down in one file. Without a part up, all above down is it. */
export const nodePgMigrate: Layout = {
  format: "NODE_PG_MIGRATE",
  tool: "node-pg-migrate",
  sign: (tree) => fileMarked(tree, DOWN),
  read({ files }, settings) {
    const numbered = files.filter(isSql).flatMap((file) => {
      const version = pathVersion(stemOf(file.path));
      return version === null ? [] : [{ file, path: file.path, version }];
    });
    numbered.sort((a, b) => comparePathVersions(a.version, b.version));
    refuseTwins(numbered, (a, b) => comparePathVersions(a.version, b.version) === 0);
    const migrations = numbered.map(({ file, path }) => {
      const part = file.text.split("\n").some((line) => UP.test(line)) ? "before" : "up";
      const text = upPart(file, "-- Up Migration", steer, undefined, part);
      return migrationOf(file, stemOf(path), settings, { text });
    });
    return { migrations, leftOut: [] };
  },
};

const steer = (line: string) => (UP.test(line) ? "up" : DOWN.test(line) ? "down" : null);
