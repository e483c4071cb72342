import { resolve } from "node:path";
import { refuseCode } from "./code-migrations.ts";
import { isSql, type Layout, type Reading } from "./layout.ts";
import { readSqitchProject } from "./layouts/sqitch.ts";
import type { LeftOut, MigrationSettings, ReadFolder } from "./migration-source.ts";
import { layoutOf, lookalikes } from "./recognise.ts";
import { named, refusal } from "./refusal.ts";
import { exists, readTree, type Tree } from "./tree.ts";

/**
 * Reads a team's migration folder, whatever tool wrote it: what that tool would apply, in its order.
 * Every file below the folder is a migration or left out for a reason.
 *
 * @throws DomainError E_MIGRATION_FOLDER, naming files and what to do, for a folder of which
 *   anything would silently not be applied, that cannot be read, or that holds no migrations
 */
export async function readFolder(settings: MigrationSettings): Promise<ReadFolder> {
  const dir = resolve(settings.dir);
  const { format } = settings;
  if (format === "NONE") return readNone(dir);
  const project = format === null || format === "SQITCH" ? await readSqitchProject(dir) : null;
  const tree = project ?? (await readTree(dir));
  refuseCode(tree);
  const layout = layoutOf(tree, format);
  const reading = layout.read(tree, settings);
  refuseUnread(tree, layout, reading);
  refuseSameId(reading);
  return {
    dir: tree.dir,
    format: layout.format,
    migrations: reading.migrations,
    leftOut: leftOutOf(tree, reading),
  };
}

async function readNone(dir: string): Promise<ReadFolder> {
  const none = { dir, format: "NONE", migrations: [] } as const;
  if (!(await exists(dir))) return { ...none, leftOut: [] };
  const tree = await readTree(dir);
  refuseCode(tree);
  const sql = pathsOf(tree.files.filter(isSql));
  if (sql.length > 0) {
    const how = "remove them, or set TENANT_MIGRATIONS_FORMAT to their layout";
    throw refusal(sql, `${named(sql)} would not be applied, as the format is none: ${how}`);
  }
  return { ...none, leftOut: leftOutOf(tree, { migrations: [], leftOut: [] }) };
}

const pathsOf = (files: readonly { readonly path: string }[]) => files.map(({ path }) => path);

const mentionedIn = ({ migrations, leftOut }: Reading): Set<string> =>
  new Set([...migrations, ...leftOut].map(({ file }) => file));

/** Refuses SQL of which the tool would take no notice, and a folder without any that it takes. */
function refuseUnread(tree: Tree, layout: Layout, reading: Reading): void {
  const mentioned = mentionedIn(reading);
  const looksSql = /\.(sql|psql|pgsql|ddl)$/i;
  const unread = pathsOf(tree.files).filter((path) => looksSql.test(path) && !mentioned.has(path));
  if (reading.migrations.length === 0) throw refuseEmpty(tree, layout, unread);
  if (unread.length === 0) return;
  const how =
    layout.format === "PLAIN"
      ? "give each a number at its start, as the others have"
      : "name them as it expects";
  const why = `would not be applied by ${layout.tool}: ${how}, or move them out of the folder`;
  throw refusal(unread, `${named(unread)} ${why}`);
}

function refuseEmpty(tree: Tree, layout: Layout, unread: readonly string[]) {
  const likely = lookalikes(tree);
  const whole = tree.files.some(isSql) ? `none that ${layout.tool} would apply` : "no .sql file";
  const sentences = [
    `${tree.dir} holds no migrations: ${whole}`,
    likely.length > 0
      ? `did you mean ${named(likely.map((path) => `${tree.dir}/${path}`))}`
      : "name the folder of the migrations",
    ...(unread.length > 0 ? [`what it does not take: ${named(unread)}`] : []),
    "TENANT_MIGRATIONS_FORMAT=none is for tenants that are to have no tables",
  ];
  return refusal(unread.length > 0 ? unread : [tree.dir], sentences.join("; "));
}

function refuseSameId({ migrations }: Reading): void {
  const byId = new Map<string, string>();
  for (const { id, file } of migrations) {
    const other = byId.get(id);
    if (other !== undefined) {
      const why = `have the same name, ${id}: give one of them another`;
      throw refusal([other, file], `${other} and ${file} ${why}`);
    }
    byId.set(id, file);
  }
}

function leftOutOf(tree: Tree, reading: Reading): LeftOut[] {
  const mentioned = mentionedIn(reading);
  const rest = tree.files.filter(({ path }) => !mentioned.has(path));
  const others = rest.map(({ path }) => ({ file: path, why: "not SQL" }));
  return [...reading.leftOut, ...others, ...tree.leftOut];
}
