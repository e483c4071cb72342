import { constants, type Dirent, type Stats } from "node:fs";
import { type FileHandle, open, readdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
import { DomainError } from "../kernel/domain-error.ts";
import type { LeftOut } from "./migration-source.ts";
import { refusal } from "./refusal.ts";
import { decodeSql } from "./text.ts";

const MIB = 2 ** 20;
const MAX_FILE = 32 * MIB;
/** More are not a migration folder but a project, or a disk. */
const MAX_ENTRIES = 20_000;
const AT_ONCE = 16;
const NO_FOLDER =
  "does not exist: name the folder of the migrations; TENANT_MIGRATIONS_FORMAT=none is for tenants that are to have no tables";

/** A file of the folder. Only what a layout can want is read from disk. */
export class TreeFile {
  /** Below the folder, with `/`. */
  readonly path: string;
  readonly #bytes: Uint8Array;
  #text: string | undefined;

  constructor(path: string, bytes: Uint8Array) {
    this.path = path;
    this.#bytes = bytes;
  }

  /**
   * Its text, with LF.
   *
   * @throws DomainError E_MIGRATION_FOLDER when it is not UTF-8 without NUL
   */
  get text(): string {
    this.#text ??= decodeSql(this.#bytes, this.path, "E_MIGRATION_FOLDER");
    return this.#text;
  }

  /** Its text as far as it is any: to look for signs in files that may never be applied. */
  get draft(): string {
    return this.#text ?? Buffer.from(this.#bytes).toString("utf8").replaceAll("\r\n", "\n");
  }

  get name(): string {
    return basename(this.path);
  }

  /** The same file, seen from a folder further down. */
  under(length: number): TreeFile {
    return new TreeFile(this.path.slice(length), this.#bytes);
  }
}

/** A folder as it lay on disk when it was read. */
export interface Tree {
  readonly dir: string;
  /** By path. */
  readonly files: readonly TreeFile[];
  readonly byPath: ReadonlyMap<string, TreeFile>;
  readonly folders: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

interface Folder {
  readonly path: string;
  /** Where links on the way to it led, to know a loop of them. */
  readonly through: readonly string[];
}

const WANTED =
  /\.sql$|\.sql\.conf$|\.xml$|\.ya?ml$|changelog[^/]*\.json$|(^|\/)(_journal\.json|manifest\.json|migration_lock\.toml|metadata\.toml|sqitch\.(plan|conf))$/i;
const PASSED_OVER = /^\.|^node_modules$|^__pycache__$/;

/**
 * Reads a folder and all below it; links are followed.
 *
 * @param keep tells of a path below the folder whether it is looked at at all
 * @throws DomainError E_MIGRATION_FOLDER naming what cannot be read
 */
export async function readTree(dir: string, keep = (_path: string) => true): Promise<Tree> {
  const files: string[] = [];
  const folders: string[] = [];
  const leftOut: LeftOut[] = [];
  let level: Folder[] = [{ path: "", through: [] }];
  while (level.length > 0) {
    const lists = await eachBounded(level, ({ path }) => list(dir, path));
    const found = level.flatMap((folder, at) =>
      (lists[at] ?? []).map((entry) => ({ entry, folder, path: join(folder.path, entry.name) })),
    );
    for (const { entry, path } of found) {
      if (keep(path) && PASSED_OVER.test(entry.name)) leftOut.push({ file: path, why: "not SQL" });
    }
    const kept = found.filter(({ entry, path }) => keep(path) && !PASSED_OVER.test(entry.name));
    const kinds = await eachBounded(kept, ({ entry, folder, path }) =>
      kindOf(dir, folder, path, entry),
    );
    level = [];
    kept.forEach(({ path }, at) => {
      const kind = kinds[at];
      if (kind === "file") files.push(path);
      else if (kind === "other") leftOut.push({ file: path, why: "neither file nor folder" });
      else if (kind !== undefined) level.push(kind);
    });
    folders.push(...level.map(({ path }) => path));
    refuseTooMany(dir, files.length + folders.length);
  }
  files.sort();
  const bytes = await eachBounded(files, (path) =>
    WANTED.test(path) ? readWhole(dir, path) : Promise.resolve(new Uint8Array()),
  );
  const read = files.map((path, at) => new TreeFile(path, bytes[at] ?? new Uint8Array()));
  const byPath = new Map(read.map((file) => [file.path, file]));
  return { dir, files: read, byPath, folders: folders.sort(), leftOut };
}

function refuseTooMany(dir: string, entries: number): void {
  if (entries <= MAX_ENTRIES) return;
  const why = `holds more than ${MAX_ENTRIES} files: name the folder of the migrations alone`;
  throw refusal([dir], `${dir} ${why}`);
}

async function list(dir: string, path: string): Promise<Dirent[]> {
  const at = join(dir, path);
  return readdir(at, { withFileTypes: true }).catch((error: unknown) => {
    if (path === "") throw unreadable(dir, error, NO_FOLDER);
    throw unreadable(path, error);
  });
}

async function kindOf(
  dir: string,
  { path: parent, through }: Folder,
  path: string,
  entry: Dirent,
): Promise<Folder | "file" | "other"> {
  if (entry.isDirectory()) return { path, through };
  if (entry.isFile()) return "file";
  if (!entry.isSymbolicLink()) return "other";
  const target: Stats = await stat(join(dir, path)).catch((error: unknown) => {
    throw unreadable(path, error, "is a link to nothing: mend or remove it");
  });
  if (!target.isDirectory()) return target.isFile() ? "file" : "other";
  const from = await realpath(join(dir, parent));
  const to = await realpath(join(dir, path));
  const way = [...through, from];
  if (way.some((place) => place === to || place.startsWith(to + sep))) {
    throw refusal([path], `${path} is a link to a folder that it lies in: remove it`);
  }
  return { path, through: [...way, to] };
}

/** Reads a file once more when it changed under the hand, and not a third time. */
async function readWhole(dir: string, path: string): Promise<Uint8Array> {
  for (const last of [false, true]) {
    const bytes = await readUnchanged(resolve(dir, path), path);
    if (bytes !== null) return bytes;
    if (last) break;
  }
  throw refusal([path], `${path} changes while it is read: try again when nothing writes to it`);
}

async function readUnchanged(at: string, path: string): Promise<Uint8Array | null> {
  let handle: FileHandle | undefined;
  try {
    // Does not wait at a pipe that took the file's place.
    handle = await open(at, constants.O_RDONLY | constants.O_NONBLOCK);
    const before = await handle.stat();
    if (before.size > MAX_FILE) {
      const size = Math.ceil(before.size / MIB);
      throw refusal([path], `${path} has ${size} MiB, of which 32 are taken: split it`);
    }
    const bytes = await handle.readFile();
    const after = await handle.stat();
    const same = before.mtimeMs === after.mtimeMs && after.size === bytes.length;
    return same ? bytes : null;
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw unreadable(path, error, "vanished while it was read: try again");
  } finally {
    await handle?.close();
  }
}

/** The refusal of what the operating system refuses. */
function unreadable(
  path: string,
  error: unknown,
  missing = "vanished while it was read",
): DomainError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const why: Record<string, string> = {
    ENOENT: missing,
    ENOTDIR: "is a file, not a folder",
    EACCES: "cannot be read: this process has no permission",
    EPERM: "cannot be read: this process has no permission",
    ELOOP: "is a loop of links: remove it",
  };
  return refusal([path], `${path} ${why[code] ?? `cannot be read (${code || error})`}`, error);
}

/** Whether anything is there that this process may know of. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Works on all, some at once; throws the error of the first that failed, in their order. */
async function eachBounded<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: (R | undefined)[] = new Array(items.length);
  const failures = new Map<number, unknown>();
  let next = 0;
  const worker = async () => {
    while (next < items.length && failures.size === 0) {
      const at = next++;
      try {
        done[at] = await work(items[at] as T);
      } catch (error) {
        failures.set(at, error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failures.size > 0) throw failures.get(Math.min(...failures.keys()));
  return done as R[];
}
