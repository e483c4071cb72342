import {
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  readdir,
  rename,
  rm,
  symlink,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { type Account, CannotRun, run } from "./child-process.ts";
import { hasCode, ifPresent } from "./files.ts";
import {
  type PackedLink,
  packedLinks,
  type ServerPackage,
  USE_DATABASE_URL,
} from "./server-package.ts";

/** PostgreSQL's programs at a place where they run. */
export interface Programs {
  initdb: string;
  pgCtl: string;
}

/**
 * Makes the package's programs usable for an account: restores the library links that npm's
 * scripts should have made, or copies everything to `copyTo()` where the package cannot be written
 * or cannot be reached. A copy is made once per version and used from then on.
 *
 * @param account whom the server runs as; undefined: this process's own
 * @param copyTo the folder for the copy, asked for only when one is needed
 * @throws when PostgreSQL does not run here at all
 */
export async function usablePrograms(
  source: ServerPackage,
  account: Account | undefined,
  copyTo: () => Promise<string>,
): Promise<Programs> {
  const links = await packedLinks(source.dir);
  if (
    (await restoreLinks(source.dir, links)) &&
    (await whyNot(source.dir, account)) === undefined
  ) {
    return programsIn(source.dir);
  }
  const copy = join(await copyTo(), `postgresql-${source.version}`);
  if (!(await ifPresent(lstat(copy)))) await copyOnce(source.dir, links, copy);
  const reason = await whyNot(copy, account);
  if (reason === undefined) return programsIn(copy);
  throw new Error(
    `The embedded PostgreSQL does not run on this system (${reason}; there is no build for Alpine ` +
      `and other musl systems): ${USE_DATABASE_URL}`,
  );
}

function programsIn(dir: string): Programs {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const program = (name: string) => join(dir, "native", "bin", name + suffix);
  return { initdb: program("initdb"), pgCtl: program("pg_ctl") };
}

/** initdb is linked with what is most often missing: libpq and ICU. */
async function whyNot(dir: string, account: Account | undefined): Promise<string | undefined> {
  try {
    const { exitCode, output } = await run(programsIn(dir).initdb, ["--version"], account);
    return exitCode === 0 ? undefined : output;
  } catch (error) {
    if (error instanceof CannotRun) return error.message;
    throw error;
  }
}

/** Answers whether all links are there now. */
async function restoreLinks(dir: string, links: PackedLink[]): Promise<boolean> {
  for (const { source, target } of links) {
    const path = join(dir, target);
    if (await ifPresent(lstat(path))) continue;
    try {
      await symlink(basename(source), path);
    } catch (error) {
      if (hasCode(error, "EACCES", "EPERM", "EROFS")) return false;
      if (!hasCode(error, "EEXIST")) throw error; // another process has just made it
    }
  }
  return true;
}

async function copyOnce(from: string, links: PackedLink[], to: string): Promise<void> {
  const draft = `${to}.${process.pid}`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft);
  await chmod(draft, 0o755);
  await copyFolder(join(from, "native"), join(draft, "native"));
  await restoreLinks(draft, links);
  try {
    await rename(draft, to);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!hasCode(error, "ENOTEMPTY", "EEXIST")) throw error; // another process was faster
  }
}

/** Copies files with modes of our own: npm's may be closed to others, or open for writing. */
async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  const mode = ["bin", "lib"].includes(basename(from)) ? 0o755 : 0o644;
  const copies = (await readdir(from, { withFileTypes: true })).map(async (entry) => {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) return copyFolder(source, target);
    if (!entry.isFile() || entry.name.endsWith(".a")) return; // links are restored by name
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    await chmod(target, mode);
  });
  await Promise.all(copies);
}
