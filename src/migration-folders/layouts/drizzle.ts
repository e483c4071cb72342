import { fileLike, folderOf, isSql, type Layout, migrationOf, type Reading } from "../layout.ts";
import type { MigrationSettings } from "../migration-source.ts";
import { refusal } from "../refusal.ts";
import type { Tree, TreeFile } from "../tree.ts";
import { byText } from "../versions.ts";
import { refuseWithout } from "./prisma.ts";

const JOURNAL = "meta/_journal.json";
const SNAPSHOT = /^[^/]+\/snapshot\.json$|^meta\/[^/]*_snapshot\.json$/;

/** Files in the order of a journal; in newer versions a folder for each, ordered by name. */
export const drizzle: Layout = {
  format: "DRIZZLE",
  tool: "Drizzle",
  sign: (tree) =>
    fileLike(tree, /^meta\/_journal\.json$/) ??
    tree.files.find(
      ({ path }) =>
        /^[^/]+\/snapshot\.json$/.test(path) && tree.byPath.has(`${folderOf(path)}/migration.sql`),
    )?.path,
  read(tree, settings) {
    const journal = tree.byPath.get(JOURNAL);
    const reading =
      journal === undefined ? readFolders(tree, settings) : readJournal(tree, journal, settings);
    const snapshots = tree.files.filter(({ path }) => SNAPSHOT.test(path));
    const left = snapshots.map(({ path }) => ({ file: path, why: "Drizzle's snapshot" }));
    return { ...reading, leftOut: [...reading.leftOut, ...left] };
  },
};

function readFolders(tree: Tree, settings: MigrationSettings): Reading {
  const migrations = tree.files
    .filter(({ path }) => /^[^/]+\/migration\.sql$/.test(path))
    .map((file) => migrationOf(file, folderOf(file.path), settings))
    .sort((a, b) => byText(a.id, b.id));
  refuseWithout(tree, "migration.sql", new Set(migrations.map(({ id }) => id)));
  return { migrations, leftOut: [] };
}

function readJournal(tree: Tree, journal: TreeFile, settings: MigrationSettings): Reading {
  const tags = tagsOf(journal);
  const missing = tags.filter((tag) => !tree.byPath.has(`${tag}.sql`)).map((tag) => `${tag}.sql`);
  if (missing.length > 0) {
    const [first] = missing;
    const others = missing.length > 1 ? ` and ${missing.length - 1} more` : "";
    const why = `${JOURNAL} lists ${first}${others}, which is not there: put it back`;
    throw refusal(missing, why);
  }
  const migrations = tags.flatMap((tag) => {
    const file = tree.byPath.get(`${tag}.sql`);
    return file === undefined ? [] : [migrationOf(file, tag, settings)];
  });
  const listed = new Set(tags);
  const leftOut = tree.files
    .filter((file) => isSql(file) && !listed.has(file.path.slice(0, -".sql".length)))
    .map(({ path }) => ({ file: path, why: `not in ${JOURNAL}` }));
  return { migrations, leftOut: [...leftOut, { file: JOURNAL, why: "Drizzle's journal" }] };
}

/** Drizzle takes the entries as they stand, whatever their numbers and times say. */
function tagsOf(journal: TreeFile): string[] {
  const read = parse(journal);
  const { dialect = "postgresql", entries } = read as { dialect?: unknown; entries?: unknown };
  if (dialect !== "postgresql" && dialect !== "pg") {
    throw refusal(
      [JOURNAL],
      `${JOURNAL} is for ${dialect}: these migrations are not for PostgreSQL`,
    );
  }
  const tags = Array.isArray(entries) ? entries.map((entry) => entry?.tag) : [undefined];
  if (tags.every((tag) => typeof tag === "string") && new Set(tags).size === tags.length) {
    return tags;
  }
  throw refusal([JOURNAL], `${JOURNAL} has no list of entries with a tag each: restore it`);
}

function parse(journal: TreeFile): object {
  try {
    return Object(JSON.parse(journal.text));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw refusal([JOURNAL], `${JOURNAL} is not JSON (${cause.message}): restore it`, cause);
  }
}
