import { isSql, type Layout } from "./layout.ts";
import { dbmate } from "./layouts/dbmate.ts";
import { drizzle } from "./layouts/drizzle.ts";
import { dump } from "./layouts/dump.ts";
import { flyway } from "./layouts/flyway.ts";
import { goose } from "./layouts/goose.ts";
import { liquibase } from "./layouts/liquibase.ts";
import { nodePgMigrate } from "./layouts/node-pg-migrate.ts";
import { plain } from "./layouts/plain.ts";
import { prisma } from "./layouts/prisma.ts";
import { sqitch } from "./layouts/sqitch.ts";
import { sqlMigrate } from "./layouts/sql-migrate.ts";
import { upDownFiles } from "./layouts/up-down-files.ts";
import { diesel, hasura } from "./layouts/up-down-folders.ts";
import type { Format } from "./migration-source.ts";
import { refusal } from "./refusal.ts";
import type { Tree, TreeFile } from "./tree.ts";
import { pathVersion } from "./versions.ts";

const LAYOUTS: readonly Layout[] = [
  ...[prisma, drizzle, flyway, upDownFiles, goose, dbmate, sqlMigrate, diesel, hasura],
  liquibase,
];

/**
 * The layout of a folder: the one that it is told to have, or that its files show. A folder that
 * shows none is plain.
 *
 * @throws DomainError E_MIGRATION_FOLDER when it shows two
 */
export function layoutOf(tree: Tree, format: Exclude<Format, "NONE"> | null): Layout {
  const told = [...LAYOUTS, nodePgMigrate, sqitch, dump, plain].find(
    (layout) => layout.format === format,
  );
  if (told !== undefined) return told;
  // What the scripts of a Sqitch project are called is its own affair.
  if (sqitch.sign(tree) !== undefined) return sqitch;
  const [shown, other] = LAYOUTS.flatMap((layout) => {
    const file = layout.sign(tree);
    return file === undefined ? [] : [{ layout, file }];
  });
  if (shown === undefined) {
    // A comment of these words is no sign among the files of another tool.
    return [nodePgMigrate, dump].find(({ sign }) => sign(tree) !== undefined) ?? plain;
  }
  if (other === undefined) return shown.layout;
  const both = [shown, other].map(({ layout, file }) => `${file} (${layout.tool})`).join(" and ");
  const how = "keep one layout, or say which it is in TENANT_MIGRATIONS_FORMAT";
  throw refusal([shown.file, other.file], `two layouts in one folder: ${both}: ${how}`);
}

/** Folders below that look like migrations, for whoever named the one above them. */
export function lookalikes(tree: Tree): string[] {
  const found: string[] = [];
  for (const folder of tree.folders) {
    if (found.some((above) => folder.startsWith(`${above}/`))) continue;
    if (looksLikeMigrations(below(tree, folder))) found.push(folder);
  }
  return found;
}

function looksLikeMigrations(tree: Tree): boolean {
  const sql = tree.files.filter(isSql);
  const isNumbered = ({ path }: TreeFile) =>
    pathVersion(path.replace(/\/migration\.sql$|\.sql$/i, "")) !== null;
  if (sql.length > 0 && sql.every(isNumbered)) return true;
  // A marker is looked for in a folder's own files only, or the folder above would do as well.
  const own = sql.some(({ path, name }) => path === name);
  return [prisma, drizzle, diesel, hasura, sqitch, ...(own ? LAYOUTS : [])].some(
    (layout) => layout.sign(tree) !== undefined,
  );
}

function below(tree: Tree, folder: string): Tree {
  const start = `${folder}/`;
  const files = tree.files
    .filter(({ path }) => path.startsWith(start))
    .map((file) => file.under(start.length));
  const folders = tree.folders.filter((path) => path.startsWith(start));
  return {
    dir: folder,
    files,
    folders: folders.map((path) => path.slice(start.length)),
    byPath: new Map(files.map((file) => [file.path, file])),
    leftOut: [],
  };
}
