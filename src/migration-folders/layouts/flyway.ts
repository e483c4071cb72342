import { isSql, type Layout, migrationOf, refuseTwins } from "../layout.ts";
import type { LeftOut, MigrationSettings, MigrationSource } from "../migration-source.ts";
import { fillAll } from "../placeholders.ts";
import { refusal } from "../refusal.ts";
import type { Tree, TreeFile } from "../tree.ts";
import { byText, compareVersions, numbersOf, type Version } from "../versions.ts";

const VERSIONED = /^(?<kind>[VUB])(?<version>\d+(?:[._]\d+)*)(?:__.*)?\.sql$/;
const REPEATABLE = /^(?<kind>R)__(?<description>.+)\.sql$/;
const CALLBACK =
  /^(?:(?:before|after)(?:Each)?(?:Migrate|Undo|Clean|Info|Validate|Baseline|Repair|Repeatables|Versioned|Connect|CreateSchema|Deploy)(?:Statement)?(?:Error|Applied|OperationFinish)?|createSchema)(?:__.*)?\.sql$/;

/** Flyway itself has no such folders: people keep by hand there what undoes a migration. */
const WAY_BACK = /(^|\/)(rollbacks?|undo|down|revert)\//i;

interface Script {
  readonly file: TreeFile;
  readonly path: string;
  readonly kind: string;
  readonly version: Version;
}

/** `V` by version, then `R` by description; `B` stands for all `V` up to it; in subfolders too. */
export const flyway: Layout = {
  format: "FLYWAY",
  tool: "Flyway",
  sign: ({ files }) =>
    files.find(({ name }) => VERSIONED.test(name) || REPEATABLE.test(name))?.path,
  read(tree, settings) {
    const scripts = tree.files.filter(isSql).flatMap(scriptOf);
    const ordered = orderedOf(scripts.filter(({ file }) => isExecuted(tree, file)));
    const migrations = ordered.map((script) => readScript(tree, script, ordered, settings));
    return { migrations, leftOut: leftOutOf(tree, new Set(ordered.map(({ path }) => path))) };
  },
};

function scriptOf(file: TreeFile): Script[] {
  const groups = (VERSIONED.exec(file.name) ?? REPEATABLE.exec(file.name))?.groups;
  const { kind = "U", version = "" } = groups ?? {};
  return kind === "U" ? [] : [{ file, path: file.path, kind, version: numbersOf(version) }];
}

/** A baseline comes right after the last `V` that it stands for. */
function orderedOf(scripts: readonly Script[]): Script[] {
  const rank = ({ kind }: Script) => (kind === "R" ? 1 : 0);
  const ordered = [...scripts].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      compareVersions(a.version, b.version) ||
      byText(b.kind, a.kind) ||
      byText(a.file.name, b.file.name),
  );
  refuseTwins(ordered, (a, b) =>
    a.kind === "R"
      ? a.kind === b.kind && a.file.name === b.file.name
      : a.kind === b.kind && compareVersions(a.version, b.version) === 0,
  );
  return ordered;
}

const idOf = ({ name }: TreeFile): string => name.slice(0, -".sql".length);

function readScript(
  tree: Tree,
  { file, kind, version }: Script,
  all: readonly Script[],
  settings: MigrationSettings,
): MigrationSource {
  const replaced = all.filter(
    (other) => kind === "B" && other.kind === "V" && compareVersions(other.version, version) <= 0,
  );
  const values = {
    "flyway:defaultSchema": settings.schema ?? "public",
    "flyway:filename": file.name,
    ...settings.placeholders,
  };
  const conf = confOf(tree, file);
  const asItIs = conf.placeholderReplacement === "false";
  const told = {
    text: asItIs ? file.text : fillAll(file.path, file.text, values),
    transactional: conf.executeInTransaction !== "false",
    repeatable: kind === "R",
    replaces: replaced.map((other) => idOf(other.file)),
  };
  return migrationOf(file, idOf(file), { ...settings, placeholders: {} }, told);
}

/** What the settings beside a script, `x.sql.conf`, say. */
function confOf({ byPath }: Tree, { path }: TreeFile): Readonly<Record<string, string>> {
  const conf = byPath.get(`${path}.conf`)?.text ?? "";
  const pairs = conf.matchAll(/^\s*(\w+)\s*=[^\S\n]*(.*?)[^\S\n]*$/gm);
  return Object.fromEntries(Array.from(pairs, ([, key = "", value = ""]) => [key, value]));
}

function isExecuted(tree: Tree, file: TreeFile): boolean {
  const { shouldExecute = "true" } = confOf(tree, file);
  if (shouldExecute === "true" || shouldExecute === "false") return shouldExecute === "true";
  const conf = `${file.path}.conf`;
  throw refusal([conf], `${conf}: shouldExecute=${shouldExecute}: say true or false`);
}

function leftOutOf({ files }: Tree, applied: ReadonlySet<string>): LeftOut[] {
  return files.flatMap(({ path, name }) => {
    if (applied.has(path)) return [];
    if (path.endsWith(".sql.conf")) return [{ file: path, why: "its settings" }];
    if (CALLBACK.test(name)) return [{ file: path, why: "callback, which runs the client's own" }];
    const kind = VERSIONED.exec(name)?.groups?.kind ?? (REPEATABLE.test(name) ? "R" : undefined);
    if (kind === undefined && WAY_BACK.test(path)) return [{ file: path, why: "rollback script" }];
    if (kind === undefined) return [];
    return [{ file: path, why: kind === "U" ? "undo script" : "shouldExecute=false" }];
  });
}
