import { fileLike, folderOf, type Layout, migrationOf, refuseMissing } from "../layout.ts";
import { refusal } from "../refusal.ts";
import type { Tree, TreeFile } from "../tree.ts";
import { byText } from "../versions.ts";

const MIGRATION = /^[^/]+\/migration\.sql$/;
const LOCK = "migration_lock.toml";

/** A folder for each migration, ordered by their names as text. */
export const prisma: Layout = {
  format: "PRISMA",
  tool: "Prisma",
  sign: (tree) =>
    fileLike(tree, /^migration_lock\.toml$/) ??
    (fileLike(tree, /^[^/]+\/snapshot\.json$/) === undefined
      ? fileLike(tree, /^\d{14}(_[^/]*)?\/migration\.sql$/)
      : undefined),
  read(tree, settings) {
    refuseOtherProvider(tree.byPath.get(LOCK));
    const migrations = tree.files
      .filter(({ path }) => MIGRATION.test(path))
      .map((file) => migrationOf(file, folderOf(file.path), settings))
      .sort((a, b) => byText(a.id, b.id));
    refuseWithout(tree, "migration.sql", new Set(migrations.map(({ id }) => id)));
    const scripts = tree.files.filter(({ name }) => name === "down.sql");
    const leftOut = scripts.map(({ path }) => ({ file: path, why: "down script" }));
    if (tree.byPath.has(LOCK)) leftOut.push({ file: LOCK, why: "Prisma's lock" });
    return { migrations, leftOut };
  },
};

function refuseOtherProvider(lock: TreeFile | undefined): void {
  const provider = /^\s*provider\s*=\s*"([^"]*)"/m.exec(lock?.text ?? "")?.[1] ?? "postgresql";
  if (/^postgres(ql)?$/.test(provider)) return;
  throw refusal([LOCK], `${LOCK} says ${provider}: these migrations are not for PostgreSQL`);
}

/** Refuses folders of migrations that hold none: git keeps no empty folders, but a rename does. */
export function refuseWithout(tree: Tree, file: string, found: ReadonlySet<string>): void {
  const without = tree.folders.filter((path) => !path.includes("/") && !found.has(path));
  const why = `a folder without ${file}: remove it, or put the file back`;
  refuseMissing(without, without.length > 1 ? why.replace("a folder", "folders") : why);
}
