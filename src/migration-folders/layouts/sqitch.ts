import { basename, dirname, join, normalize } from "node:path";
import { isSql, type Layout, migrationOf, refuseMissing } from "../layout.ts";
import type { MigrationSource } from "../migration-source.ts";
import { named, refusal, refusedLine } from "../refusal.ts";
import { exists, readTree, type Tree, type TreeFile } from "../tree.ts";

const CONF = "sqitch.conf";

/** Deploy scripts in the order of a plan. */
export const sqitch: Layout = {
  format: "SQITCH",
  tool: "Sqitch",
  sign: (tree) => placesOf(tree.byPath.get(CONF)).plan.find((path) => tree.byPath.has(path)),
  read(tree, settings) {
    const places = placesOf(tree.byPath.get(CONF));
    const planned = changesOf(planOf(tree), places.deploy, tree);
    const missing = planned.filter(({ path }) => !tree.byPath.has(path)).map(({ path }) => path);
    refuseMissing(missing, "in sqitch.plan, and not there: put it back");
    const migrations = planned.flatMap(({ id, path }): MigrationSource[] => {
      const file = tree.byPath.get(path);
      return file === undefined ? [] : [migrationOf(file, id, settings)];
    });
    refuseUnplanned(tree, places.deploy, new Set(planned.map(({ path }) => path)));
    const below = (why: string) => (file: TreeFile) => ({ file: file.path, why });
    const revert = tree.files.filter(({ path }) => path.startsWith(`${places.revert}/`));
    const verify = tree.files.filter(({ path }) => path.startsWith(`${places.verify}/`));
    return {
      migrations,
      leftOut: [...revert.map(below("revert script")), ...verify.map(below("verify script"))],
    };
  },
};

/**
 * The Sqitch project that a folder is, or whose `deploy` it is; null: none. Only what is Sqitch's
 * is read, since a project often is a whole repository.
 */
export async function readSqitchProject(dir: string): Promise<Tree | null> {
  const above = basename(dir) === "deploy" ? [dirname(dir)] : [];
  for (const root of [dir, ...above]) {
    const isConf = (path: string) => path === CONF;
    const hasConf = await exists(join(root, CONF));
    const { byPath } = hasConf ? await readTree(root, isConf) : { byPath: new Map() };
    const { deploy, revert, verify, plan } = placesOf(byPath.get(CONF));
    const kept = [CONF, ...plan, deploy, revert, verify];
    const found = await Promise.all(plan.map((path) => exists(join(root, path))));
    if (!found.includes(true)) continue;
    const tree = await readTree(root, (path) =>
      kept.some((it) => it === path || path.startsWith(`${it}/`) || it.startsWith(`${path}/`)),
    );
    const rest = { file: ".", why: "what lies outside deploy, revert and verify is not Sqitch's" };
    return { ...tree, leftOut: [...tree.leftOut, rest] };
  }
  return null;
}

/** Where things lie, by the section [core] of sqitch.conf. */
function placesOf(conf: TreeFile | undefined) {
  const core = /^\s*\[core\]\s*$([^[]*)/m.exec(conf?.text ?? "")?.[1] ?? "";
  const said = (key: string) =>
    new RegExp(`^\\s*${key}\\s*=\\s*"?([^"\\n#;]*)`, "m").exec(core)?.[1]?.trim();
  const engine = said("engine") ?? "pg";
  if (engine !== "pg") {
    throw refusal([CONF], `${CONF} says ${engine}: this project is not for PostgreSQL`);
  }
  const top = said("top_dir") ?? ".";
  const place = (kind: string) => normalize(said(`${kind}_dir`) ?? join(top, kind));
  const plan = normalize(said("plan_file") ?? join(top, "sqitch.plan"));
  return {
    deploy: place("deploy"),
    revert: place("revert"),
    verify: place("verify"),
    plan: [plan],
  };
}

interface Line {
  readonly kind: "change" | "tag";
  readonly name: string;
}

function planOf(tree: Tree): Line[] {
  const { plan } = placesOf(tree.byPath.get(CONF));
  const file = plan.flatMap((path) => tree.byPath.get(path) ?? [])[0];
  if (file === undefined) {
    throw refusal([tree.dir], `${tree.dir} has no sqitch.plan: name the folder of the project`);
  }
  return file.text.split("\n").flatMap((text, at): Line[] => {
    const line = text.replace(/#.*$/, "").trim();
    if (line === "" || line.startsWith("%")) return [];
    if (line.startsWith("-")) throw refusedLine(file.path, at + 1, "a revert: remove the line");
    const name = line.replace(/^\+\s*/, "").split(/\s/)[0] ?? "";
    return [{ kind: name.startsWith("@") ? "tag" : "change", name }];
  });
}

/**
 * The changes and their scripts. A change that was reworked later has its first script under the
 * name of a tag between the two; its id stays what it was before, and the rework counts on.
 */
function changesOf(lines: readonly Line[], deploy: string, { byPath }: Tree) {
  const seen = new Map<string, number>();
  return lines.flatMap(({ kind, name }, at) => {
    if (kind === "tag") return [];
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    const again = lines.findIndex((line, later) => later > at && line.name === name);
    const tags = lines.slice(at, Math.max(again, at)).filter((line) => line.kind === "tag");
    const candidates = tags.map((tag) => `${deploy}/${name}${tag.name}.sql`);
    const [first = `${deploy}/${name}.sql`] = candidates;
    const path = candidates.find((candidate) => byPath.has(candidate)) ?? first;
    return [{ id: count === 1 ? name : `${name}#${count}`, path }];
  });
}

function refuseUnplanned({ files }: Tree, deploy: string, planned: ReadonlySet<string>): void {
  const unplanned = files
    .filter((file) => isSql(file) && file.path.startsWith(`${deploy}/`) && !planned.has(file.path))
    .map(({ path }) => path);
  if (unplanned.length === 0) return;
  const why = "not in sqitch.plan: add a line for it, or remove the file";
  throw refusal(unplanned, `${named(unplanned)}: ${why}`);
}
