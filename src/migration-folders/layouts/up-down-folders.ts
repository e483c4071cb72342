import { folderOf, type Layout, migrationOf, refuseEmptyFolders, refuseTwins } from "../layout.ts";
import type { LeftOut, MigrationSettings } from "../migration-source.ts";
import { refusal } from "../refusal.ts";
import type { Tree, TreeFile } from "../tree.ts";
import { byText, compareVersions, numbersOf } from "../versions.ts";
import { refuseWithout } from "./prisma.ts";

const SCRIPT = /^\d[^/]*\/(up|down)\.sql$/;
const HASURA = /^\d{13}(_[^/]*)?\/(up|down)\.sql$/;

/** Of a folder with scripts up and down that is no Prisma folder with a script beside. */
const scriptIn = (tree: Tree, hasura: boolean): string | undefined =>
  tree.files.find(({ path }) => {
    if (!SCRIPT.test(path) || HASURA.test(path) !== hasura) return false;
    return !tree.byPath.has(`${folderOf(path)}/migration.sql`);
  })?.path;

/** A folder for each migration; hyphens do not count in versions, which are compared as text. */
export const diesel: Layout = {
  format: "DIESEL",
  tool: "Diesel",
  sign: (tree) => (scriptIn(tree, true) === undefined ? scriptIn(tree, false) : undefined),
  read(tree, settings) {
    const version = ({ path }: TreeFile) => (path.split(/[_/]/)[0] ?? "").replaceAll("-", "");
    const ups = upsOf(tree).sort(
      (a, b) => byText(version(a), version(b)) || byText(a.path, b.path),
    );
    if (settings.format === null) refuseEitherOrder(ups);
    refuseWithout(tree, "up.sql", new Set(ups.map(({ path }) => folderOf(path))));
    return readScripts(tree, ups, settings);
  },
};

/** A folder for each migration, by number. A folder with `down.sql` alone does nothing in Hasura. */
export const hasura: Layout = {
  format: "HASURA",
  tool: "Hasura",
  sign: (tree) => scriptIn(tree, true),
  read(tree, settings) {
    const version = ({ path }: TreeFile) => numbersOf(/^\d+/.exec(path)?.[0] ?? "");
    const ups = upsOf(tree).sort((a, b) => compareVersions(version(a), version(b)));
    refuseTwins(ups, (a, b) => compareVersions(version(a), version(b)) === 0);
    refuseEmptyFolders(tree, (name) => /^\d/.test(name));
    return readScripts(tree, ups, settings);
  },
};

/** Diesel has 10 before 2 and Hasura behind it: only whoever wrote the folder knows. */
function refuseEitherOrder(ups: readonly TreeFile[]): void {
  const number = ({ path }: TreeFile) =>
    numbersOf((path.split(/[_/]/)[0] ?? "").replaceAll("-", ""));
  const twist = ups.findIndex((up, at) => {
    const before = ups[at - 1];
    return before !== undefined && compareVersions(number(before), number(up)) > 0;
  });
  const [first, second] = [ups[twist - 1]?.path, ups[twist]?.path];
  if (twist < 0 || first === undefined || second === undefined) return;
  const order = `Diesel applies ${first} before ${second}, and Hasura after it`;
  throw refusal([first, second], `${order}: set TENANT_MIGRATIONS_FORMAT to diesel or hasura`);
}

const upsOf = ({ files }: Tree): TreeFile[] =>
  files.filter(({ path, name }) => SCRIPT.test(path) && name === "up.sql");

function readScripts(
  { files, byPath }: Tree,
  ups: readonly TreeFile[],
  settings: MigrationSettings,
) {
  const migrations = ups.map((file) => {
    const folder = folderOf(file.path);
    const metadata = byPath.get(`${folder}/metadata.toml`)?.text ?? "";
    const transactional = !/^\s*run_in_transaction\s*=\s*false\b/m.test(metadata);
    return migrationOf(file, folder, settings, { transactional });
  });
  const leftOut: LeftOut[] = files.flatMap(({ path, name }) => {
    if (SCRIPT.test(path) && name === "down.sql") return [{ file: path, why: "down script" }];
    return name === "metadata.toml" ? [{ file: path, why: "its settings" }] : [];
  });
  return { migrations, leftOut };
}
