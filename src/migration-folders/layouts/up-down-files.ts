import { fileLike, isSql, type Layout, migrationOf, refuseTwins } from "../layout.ts";
import type { LeftOut } from "../migration-source.ts";
import type { TreeFile } from "../tree.ts";
import { byText, comparePathVersions, pathVersion, type Version } from "../versions.ts";

/** `N_x.up.sql`, in pop also `N_x.postgres.up.sql` and `.autocommit.`, in bun `N_x.tx.up.sql`. */
const NAME =
  /^(?<id>(?:[^/]+\/)*V?\d+[._][^/]*?)(?:\.(?<dialect>postgres(?:ql)?|pg|cockroach|mysql|mariadb|sqlite3?|mssql))?(?:\.(?<mode>tx|autocommit))?\.(?<way>up|down)\.sql$/;
/** sqlx also has files without a way back. */
const SIMPLE = /^(?<id>\d+_[^/]*)\.sql$/;

interface Script {
  readonly file: TreeFile;
  readonly path: string;
  readonly id: string;
  readonly way: "up" | "down";
  readonly dialect: string | null;
  readonly alone: boolean;
  readonly version: readonly Version[];
}

/** Two files for each migration, by number: golang-migrate, sqlx, pop, bun. */
export const upDownFiles: Layout = {
  format: "GOLANG_MIGRATE",
  tool: "golang-migrate",
  sign: (tree) => fileLike(tree, /(^|\/)V?\d[^/]*\.(up|down)\.(sql|fizz)$/),
  read({ files }, settings) {
    const scripts = files.filter(isSql).flatMap(scriptOf);
    const ups = chosen(scripts.filter(({ way }) => way === "up"));
    const known = new Set(scripts.filter(({ way }) => way === "up").map(({ id }) => id));
    refuseTwins(ups, (a, b) => comparePathVersions(a.version, b.version) === 0);
    const migrations = ups.map(({ file, id, alone }) =>
      migrationOf(file, id, settings, {
        transactional: !alone && !file.text.startsWith("-- no-transaction"),
      }),
    );
    const applied = new Set(ups);
    const others = scripts.filter((script) => !applied.has(script));
    return { migrations, leftOut: others.map((script) => leftOut(script, known)) };
  },
};

function scriptOf(file: TreeFile): Script[] {
  const groups = (NAME.exec(file.path) ?? SIMPLE.exec(file.path))?.groups;
  const version = pathVersion((groups?.id ?? "").replace(/(^|\/)V/, "$1"));
  if (groups === undefined || version === null) return [];
  const { id = "", dialect = null, mode } = groups;
  const way = groups.way === "down" ? "down" : "up";
  const alone = mode === "autocommit";
  return [{ file, path: file.path, id, way, dialect, alone, version }];
}

const isOurs = (dialect: string | null): boolean => dialect === null || /^p/.test(dialect);

/** For each id the file for PostgreSQL, or else the one for every database. */
function chosen(ups: readonly Script[]): Script[] {
  const byId = new Map<string, Script>();
  for (const up of ups) {
    if (isOurs(up.dialect) && (up.dialect !== null || !byId.has(up.id))) byId.set(up.id, up);
  }
  return [...byId.values()].sort(
    (a, b) => comparePathVersions(a.version, b.version) || byText(a.path, b.path),
  );
}

function leftOut({ path, id, way, dialect }: Script, known: ReadonlySet<string>): LeftOut {
  if (!isOurs(dialect)) return { file: path, why: `for another database: ${dialect}` };
  if (!known.has(id))
    return { file: path, why: "down script of a number that has nothing to apply" };
  return { file: path, why: way === "down" ? "down script" : "another file is for PostgreSQL" };
}
