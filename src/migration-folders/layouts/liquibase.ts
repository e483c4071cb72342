import { isSql, type Layout, migrationOf, refuseTwins, stemOf } from "../layout.ts";
import type { MigrationSettings, MigrationSource } from "../migration-source.ts";
import { refusal, refusedLine } from "../refusal.ts";
import { blankLines } from "../sections.ts";
import type { Tree, TreeFile } from "../tree.ts";
import { comparePathVersions, pathVersion } from "../versions.ts";
import { changelogsOf, type Listed, listedBy, wayBack } from "./changelog.ts";

const HEADER = /^\s*--\s*liquibase formatted/i;

/** Formatted SQL in the order of a changelog of includes, or else of numbers. */
export const liquibase: Layout = {
  format: "LIQUIBASE",
  tool: "Liquibase",
  sign: (tree) =>
    tree.files.find((file) => isSql(file) && HEADER.test(file.draft))?.path ??
    changelogsOf(tree)[0]?.path,
  read(tree, settings) {
    const changelogs = changelogsOf(tree);
    const listed = changelogs.length > 0 ? listedBy(tree, changelogs) : numbered(tree);
    const code = listed.filter(({ file }) => !isSql(file)).map(({ file }) => file.path);
    if (code.length > 0) {
      throw refusal(code, `${code.join(", ")}: changes that are not SQL: write them as SQL`);
    }
    const migrations = listed.map((it) => readLiquibase(it, settings));
    const listing = changelogs.map(({ path }) => ({ file: path, why: "Liquibase's changelog" }));
    const backwards = wayBack(tree, changelogs).filter(
      (back) => !listed.some(({ file }) => file === back),
    );
    const leftOut = backwards.map(({ path }) => ({ file: path, why: "rollback script" }));
    return { migrations, leftOut: [...listing, ...leftOut] };
  },
};

function numbered(tree: Tree): readonly Listed[] {
  const sql = tree.files.filter(isSql);
  if (sql.length < 2) return sql.map(whole);
  const bare = sql.filter(({ path }) => pathVersion(stemOf(path)) === null);
  if (bare.length > 0) {
    const files = bare.map(({ path }) => path);
    const why = "have no number, and no changelog tells their order: put it beside them";
    throw refusal(files, `${files.slice(0, 5).join(", ")} ${why}`);
  }
  const version = ({ path }: TreeFile) => pathVersion(stemOf(path)) ?? [];
  const files = sql.sort((a, b) => comparePathVersions(version(a), version(b)));
  refuseTwins(files, (a, b) => comparePathVersions(version(a), version(b)) === 0);
  return files.map(whole);
}

const whole = (file: TreeFile): Listed => ({ file, transactional: true });

/** A file without the header is applied whole, as Liquibase does with one that it includes. */
function readLiquibase(listed: Listed, settings: MigrationSettings): MigrationSource {
  const { file } = listed;
  const id = stemOf(file.path);
  if (!HEADER.test(file.text))
    return migrationOf(file, id, settings, { transactional: listed.transactional });
  const properties: Record<string, string> = {};
  let { transactional } = listed;
  let ours = true;
  const text = blankLines(file.text, (line, number) => {
    const [, keyword = "", rest = ""] = /^\s*--\s*(\w+)\s*(.*)$/.exec(line) ?? [];
    if (keyword.toLowerCase() === "changeset") {
      ours = isForPostgres(rest);
      if (ours && /\srunInTransaction:false\b/i.test(rest)) transactional = false;
    }
    const [, name, value = ""] = /^name:(\S+)\s+value:("[^"]*"|\S+)/.exec(rest) ?? [];
    if (keyword === "property" && name !== undefined && isForPostgres(rest)) {
      properties[name] = value.replaceAll('"', "");
    }
    if (ours) refuseUnread(file.path, number, keyword, rest);
    return !ours;
  });
  const placeholders = { ...properties, ...settings.placeholders };
  return migrationOf(file, id, { ...settings, placeholders }, { text, transactional });
}

/** Refuses what decides when it runs whether a changeset is applied. */
function refuseUnread(file: string, line: number, keyword: string, rest: string): void {
  const conditional =
    /^preconditions$/i.test(keyword) && /onFail:\s*(MARK_RAN|CONTINUE)/i.test(rest);
  if (!conditional && !/^ignoreLines$/i.test(keyword)) return;
  throw refusedLine(file, line, `\`${keyword}\` is not read: take out what is not to be applied`);
}

function isForPostgres(attributes: string): boolean {
  const [, dbms = ""] = /\bdbms:("[^"]*"|\S+)/i.exec(attributes) ?? [];
  const told = dbms.toLowerCase().match(/!?\w+/g)?.map(String) ?? [];
  if (told.includes("!postgresql") || told.includes("none")) return false;
  const wanted = told.filter((name) => !name.startsWith("!"));
  return wanted.length === 0 || wanted.includes("postgresql") || wanted.includes("all");
}
