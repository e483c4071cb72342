import { appendFile, chown, mkdtemp, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Account, run } from "./child-process.ts";
import { syncFolderOf } from "./files.ts";
import type { Programs } from "./programs.ts";
import { SUPERUSER } from "./session.ts";

/** Read by postgresql.conf; in the cluster's folder. */
export const SETTINGS_FILE = "tenantry.conf";

/**
 * Makes a new cluster at `dir`, wholly or not at all: it grows in a folder beside and is renamed.
 * What an interrupted attempt left there is removed.
 *
 * @throws with what initdb says
 */
export async function initialise(
  programs: Programs,
  dir: string,
  account: Account | undefined,
  password: string,
): Promise<void> {
  const prefix = `${basename(dir)}.init-`;
  await removeLeftovers(dirname(dir), prefix);
  // A new name: the initdb of a killed process may still be at work in the old one.
  const workshop = await mkdtemp(join(dirname(dir), prefix));
  if (account) await chown(workshop, account.uid, account.gid);
  const draft = join(workshop, "cluster");
  await initdb(programs, draft, account, await passwordFile(workshop, account, password));
  await appendFile(join(draft, "postgresql.conf"), `\ninclude = '${SETTINGS_FILE}'\n`);
  await rename(draft, dir);
  await syncFolderOf(dir);
  await rm(workshop, { recursive: true, force: true });
}

/**
 * The locale is PostgreSQL's own C.UTF-8: the same order and case rules on every system, whatever
 * locales are installed there. Left to sync its files: they must outlive a power cut.
 */
async function initdb(
  programs: Programs,
  dir: string,
  account: Account | undefined,
  pwfile: string,
): Promise<void> {
  const locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  const login = [`--username=${SUPERUSER}`, "--auth=scram-sha-256", `--pwfile=${pwfile}`];
  const args = ["-D", dir, "--encoding=UTF8", ...locale, ...login, "--no-instructions"];
  const { exitCode, output } = await run(programs.initdb, args, account);
  if (exitCode !== 0) throw new Error(`PostgreSQL's initdb failed in ${dir}: ${output}`);
}

async function passwordFile(
  folder: string,
  account: Account | undefined,
  password: string,
): Promise<string> {
  const path = join(folder, "password");
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(password);
    if (account) await file.chown(account.uid, account.gid);
  } finally {
    await file.close();
  }
  return path;
}

async function removeLeftovers(folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    // An initdb still at work may put a file back; the next start removes that.
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}
