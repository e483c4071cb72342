import { refusal } from "../refusal.ts";
import type { Tree, TreeFile } from "../tree.ts";

/** A file as a changelog lists it. */
export interface Listed {
  readonly file: TreeFile;
  readonly transactional: boolean;
}

interface Item {
  readonly kind: string;
  readonly path: string;
  readonly transactional: boolean;
}

const CHANGELOG = /\.(xml|ya?ml|json)$/i;

/** The changelogs of a folder: XML, YAML or JSON that names itself so. */
export const changelogsOf = ({ files }: Tree): TreeFile[] =>
  files.filter(({ path, draft }) => CHANGELOG.test(path) && draft.includes("databaseChangeLog"));

/**
 * Follows the includes of the one changelog that no other includes.
 *
 * @throws DomainError E_MIGRATION_FOLDER for a changelog that holds more than includes, or names a
 *   file that is not there
 */
export function listedBy(tree: Tree, changelogs: readonly TreeFile[]): readonly Listed[] {
  const items = new Map(changelogs.map((file) => [file.path, itemsOf(file)]));
  const included = new Set(
    changelogs.flatMap((from) =>
      (items.get(from.path) ?? []).flatMap((item) => targetsOf(tree, from, item)),
    ),
  );
  const [root, ...others] = changelogs.filter((file) => !included.has(file));
  if (root === undefined || others.length > 0) {
    const files = changelogs.map(({ path }) => path);
    throw refusal(files, `${files.join(", ")}: one changelog is to include the others`);
  }
  const follow = (from: TreeFile): Listed[] =>
    (items.get(from.path) ?? []).flatMap((item) =>
      targetsOf(tree, from, item).flatMap((file) =>
        items.has(file.path) ? follow(file) : [{ file, transactional: item.transactional }],
      ),
    );
  return follow(root);
}

/** Paths are told from the changelog, or from a root above the folder: then by what they end with. */
function targetsOf(
  { files }: Tree,
  from: TreeFile,
  { kind, path }: Pick<Item, "kind" | "path">,
): TreeFile[] {
  const wanted = path.replace(/^classpath:/, "").replace(/^(\.?\/)+|\/+$/g, "");
  const near = from.path.slice(0, -from.name.length) + wanted;
  if (kind === "includeAll") {
    const below = (file: TreeFile, folder: string) => file !== from && file.path.startsWith(folder);
    const isWhole = wanted === "" || wanted === ".";
    const beside = files.filter((file) => below(file, isWhole ? "" : `${near}/`));
    return beside.filter(({ path: it }) => /\.(sql|xml|ya?ml|json)$/.test(it));
  }
  const exact = files.find((file) => file.path === near || file.path === wanted);
  const found = exact ? [exact] : files.filter((file) => `/${wanted}`.endsWith(`/${file.path}`));
  if (found.length === 1) return found;
  throw refusal([from.path], `${from.path} includes ${path}, which is not there: put it back`);
}

const KNOWN = new Set([
  ...["databaseChangeLog", "include", "includeAll", "changeSet", "changes", "sqlFile", "comment"],
  ...["property", "name", "value", "global", "tagDatabase", "tag", "labels"],
  ...["id", "author", "file", "path", "relativeToChangelogFile", "encoding", "splitStatements"],
  ...[
    "stripComments",
    "endDelimiter",
    "logicalFilePath",
    "runInTransaction",
    "validCheckSum",
    "errorIfMissingOrEmpty",
  ],
]);

function itemsOf(file: TreeFile): Item[] {
  const words = /\.xml$/i.test(file.path) ? xmlWords(file.text) : listWords(file.text);
  const items: Item[] = [];
  let kind = "";
  let before = "";
  let transactional = true;
  for (const [word, value] of words) {
    if (word === "changeSet" || word === "property") before = word;
    if (!KNOWN.has(word) && !(word === "dbms" && before === "property")) {
      const why = `holds \`${word}\`, and only includes are read: write its changes as SQL`;
      throw refusal([file.path], `${file.path} ${why}`);
    }
    if (/^(include|includeAll|sqlFile)$/.test(word)) kind = word;
    if (/^(changeSet|include|includeAll)$/.test(word)) transactional = true;
    if (word === "runInTransaction") transactional = value !== "false";
    if (word === (kind === "include" ? "file" : "path"))
      items.push({ kind, path: value, transactional });
  }
  return items;
}

/** Scripts that a changelog in XML keeps for the way back. */
export const wayBack = (tree: Tree, changelogs: readonly TreeFile[]): TreeFile[] =>
  changelogs.flatMap((file) => {
    const [...blocks] = file.text.replace(COMMENT, "").matchAll(ROLLBACK);
    const paths = blocks.flatMap(([block]) => [...block.matchAll(/\spath\s*=\s*["']([^"']*)/g)]);
    return paths.flatMap(([, path = ""]) => targetsOf(tree, file, { kind: "sqlFile", path }));
  });

const COMMENT = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>/g;
const ROLLBACK = /<rollback\b[^>]*\/>|<rollback\b[\s\S]*?<\/rollback>/g;

/** Elements and attributes, in order. What a changelog keeps for the way back is none of ours. */
function* xmlWords(text: string): Generator<[string, string]> {
  const bare = text.replace(COMMENT, "").replace(ROLLBACK, "");
  for (const [, element = "", attributes = ""] of bare.matchAll(/<([A-Za-z]\w*)([^>]*)>/g)) {
    yield [element, ""];
    for (const [, name = "", value = ""] of attributes.matchAll(/([\w:]+)\s*=\s*["']([^"']*)/g)) {
      if (!/^xmlns|^xsi:/.test(name)) yield [name, value];
    }
  }
}

/** The keys of YAML or JSON, in order, with their values where these are plain. */
function* listWords(text: string): Generator<[string, string]> {
  const bare = text.replace(/^\s*#.*$/gm, "");
  const key = /(?:^|[\s{,-])["']?([A-Za-z]\w*)["']?\s*:(?=[\s"'{[])[^\S\n]*["']?([^"'\n,{}[\]]*)/g;
  for (const [, name = "", value = ""] of bare.matchAll(key)) yield [name, value.trim()];
}
