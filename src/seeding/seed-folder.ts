import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DomainError } from "../kernel/domain-error.ts";
import { decodeSql, sha256Of } from "../migration-folders/text.ts";
import { compileFile } from "../sql-files/compiler.ts";
import { excerptOf, type SqlStatement } from "../sql-files/sql-file.ts";

/** A named set of baseline data for a tenant schema. */
export interface SeedSet {
  readonly name: string;
  readonly description: string;
  /** The sets that must be there before this one. */
  readonly dependsOn: readonly string[];
  readonly files: readonly SeedFile[];
}

/** One file of a seed set. */
export interface SeedFile {
  /** The set and the file's name: `core/0001_units.sql`. */
  readonly name: string;
  readonly sha256: string;
  readonly statements: readonly SqlStatement[];
}

/** Where the seed sets lie. */
export interface SeedSettings {
  readonly dir: string;
  /** What the tenant's schema is called in the files. */
  readonly home: string;
}

/** The seed sets of a folder, by name. */
export interface SeedFolder {
  readonly dir: string;
  readonly sets: ReadonlyMap<string, SeedSet>;
}

/** Names every set of the folder at once. */
const ALL_SETS = "all";

const SET_NAME = /^[a-z][a-z0-9-]*$/;
const FILE_NAME = /^\d{1,14}_[A-Za-z0-9][A-Za-z0-9._-]*\.sql$/;
const Manifest = z.strictObject({
  description: z.string().default(""),
  dependsOn: z.array(z.string().regex(SET_NAME)).default([]),
});

/**
 * Reads the seed sets of a folder: one folder for each set, holding `NNNN_name.sql` files and maybe
 * a `seed.json` with `description` and `dependsOn`. Parses only what changed since the last call.
 *
 * @returns a folder without sets when `dir` does not exist
 * @throws DomainError E_SEEDS_FAILED naming file and line of a statement that is no repeatable
 *   INSERT or setval, of a text that PostgreSQL's grammar refuses, or of a faulty seed.json
 */
export async function openSeedFolder(settings: SeedSettings): Promise<SeedFolder> {
  const { dir } = settings;
  const names = (await entriesOf(dir))
    .filter((entry) => entry.isDirectory() && SET_NAME.test(entry.name) && entry.name !== ALL_SETS)
    .map((entry) => entry.name)
    .sort();
  const sets = await Promise.all(names.map((name) => openSet(settings, name)));
  return { dir, sets: new Map(sets.map((set) => [set.name, set])) };
}

async function entriesOf(dir: string) {
  return await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });
}

async function openSet(settings: SeedSettings, name: string): Promise<SeedSet> {
  const { dir } = settings;
  const entries = await entriesOf(join(dir, name));
  const files = entries.map((entry) => entry.name).filter((file) => FILE_NAME.test(file));
  const manifest = entries.some((entry) => entry.name === "seed.json")
    ? await readManifest(join(dir, name, "seed.json"), `${name}/seed.json`)
    : Manifest.parse({});
  return {
    name,
    ...manifest,
    files: await Promise.all(files.sort().map((file) => openFile(settings, name, file))),
  };
}

async function readManifest(path: string, name: string) {
  try {
    return Manifest.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new DomainError("E_SEEDS_FAILED", {
      message: `${name}: ${why}`,
      migration: { file: name },
      cause,
    });
  }
}

async function openFile({ dir, home }: SeedSettings, set: string, file: string): Promise<SeedFile> {
  const name = `${set}/${file}`;
  const text = decodeSql(await readFile(join(dir, set, file)), name, "E_SEEDS_FAILED");
  const compiled = await compileFile(name, { text, kind: "SEED", homes: [home] }, "E_SEEDS_FAILED");
  const [refusal] = compiled.refusals;
  if (refusal !== undefined) {
    throw new DomainError("E_SEEDS_FAILED", {
      message: `${name} line ${refusal.line}: ${refusal.why}`,
      migration: { file: name, line: refusal.line, statement: excerptOf(refusal.text) },
    });
  }
  return { name, sha256: sha256Of(text), statements: compiled.statements };
}

/**
 * Answers the named sets and all they depend on, each after what it depends on, each once.
 *
 * @param names names of sets, or `all`
 * @throws DomainError E_SEED_SET_NOT_FOUND listing the known ones, E_SEEDS_FAILED for a cycle
 */
export function resolveSets(folder: SeedFolder, names: readonly string[]): SeedSet[] {
  const wanted = names.includes(ALL_SETS) ? [...folder.sets.keys()] : names;
  const ordered = new Set<SeedSet>();
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      const cycle = [...path.slice(path.indexOf(name)), name].join(" -> ");
      throw new DomainError("E_SEEDS_FAILED", {
        message: `Seed sets depend on one another in a circle: ${cycle}`,
      });
    }
    const set = folder.sets.get(name) ?? notFound(folder, name, path.at(-1));
    for (const needed of set.dependsOn) visit(needed, [...path, name]);
    ordered.add(set);
  };
  for (const name of wanted) visit(name, []);
  return [...ordered];
}

function notFound(folder: SeedFolder, name: string, neededBy: string | undefined): never {
  const known = [...folder.sets.keys()].join(", ") || "none";
  const needed = neededBy === undefined ? "" : `, which ${neededBy} depends on,`;
  throw new DomainError("E_SEED_SET_NOT_FOUND", {
    message: `Seed set '${name}'${needed} not found; known sets: ${known}`,
    detail: { set: name },
  });
}
