import { basename } from "node:path";
import type { Format, LeftOut, MigrationSettings, MigrationSource } from "./migration-source.ts";
import { fillGiven } from "./placeholders.ts";
import { named, refusal } from "./refusal.ts";
import { linesInCode } from "./sql-lines.ts";
import { sha256Of } from "./text.ts";
import type { Tree, TreeFile } from "./tree.ts";

/** What a layout made of a folder. Files that it does not mention are none of its tool's. */
export interface Reading {
  readonly migrations: readonly MigrationSource[];
  readonly leftOut: readonly LeftOut[];
}

/** How one tool lays out its folder. */
export interface Layout {
  readonly format: Format;
  /** The tool, as a sentence names it. */
  readonly tool: string;
  /** A file that shows this layout and no other; undefined: none does. */
  readonly sign: (tree: Tree) => string | undefined;
  readonly read: (tree: Tree, settings: MigrationSettings) => Reading;
}

export const isSql = ({ path }: TreeFile): boolean => /\.sql$/i.test(path);

/** A path without `.sql`. */
export const stemOf = (path: string): string => path.replace(/\.sql$/i, "");

export const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf("/"), 0));

/** The first file whose path matches. */
export const fileLike = (tree: Tree, pattern: RegExp): string | undefined =>
  tree.files.find(({ path }) => pattern.test(path))?.path;

/** The first SQL file with a marker on a line of its own, outside of strings and bodies. */
export const fileMarked = (tree: Tree, marker: RegExp): string | undefined =>
  tree.files.find((file) => {
    if (!isSql(file)) return false;
    const { draft } = file;
    const anywhere = new RegExp(marker, `${marker.flags}m`);
    return anywhere.test(draft) && linesInCode(draft, marker).length > 0;
  })?.path;

/** A migration of a file: whole and in a transaction, unless told otherwise. */
export function migrationOf(
  file: TreeFile,
  id: string,
  { placeholders }: MigrationSettings,
  told: Partial<MigrationSource> = {},
): MigrationSource {
  return {
    id,
    file: file.path,
    sha256: sha256Of(file.text),
    transactional: true,
    repeatable: false,
    replaces: [],
    ...told,
    text: fillGiven(told.text ?? file.text, placeholders),
  };
}

/** Refuses two neighbours of an ordered list that the tool could not tell apart. */
export function refuseTwins<T extends { readonly path: string }>(
  ordered: readonly T[],
  same: (a: T, b: T) => boolean,
): void {
  ordered.forEach((item, at) => {
    const before = ordered[at - 1];
    if (before === undefined || !same(before, item)) return;
    const files = [before.path, item.path];
    throw refusal(files, `${files.join(" and ")} have the same number: give one of them another`);
  });
}

/** Refuses files that belong to a folder and are not there. */
export function refuseMissing(files: readonly string[], why: string): void {
  if (files.length > 0) throw refusal(files, `${named(files)}: ${why}`);
}

/** Refuses folders that are named as migrations and hold nothing: a rename leaves such. */
export function refuseEmptyFolders(tree: Tree, isMigration: (name: string) => boolean): void {
  const used = new Set<string>();
  for (const { path } of tree.files) {
    for (let at = folderOf(path); at !== "" && !used.has(at); at = folderOf(at)) used.add(at);
  }
  const isEmpty = (path: string) => !used.has(path) && isMigration(basename(path));
  refuseMissing(tree.folders.filter(isEmpty), "an empty folder: remove it, or put its SQL back");
}
