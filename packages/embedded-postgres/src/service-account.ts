import { readFile } from "node:fs/promises";
import { type Account, CannotRun, run } from "./child-process.ts";
import { ifPresent } from "./files.ts";
import { USE_DATABASE_URL } from "./server-package.ts";

const NOBODY: Account = { uid: 65534, gid: 65534, name: "nobody" };

/** Whether this process runs as root, as whom PostgreSQL does not start. */
export const isRoot = (): boolean => process.getuid?.() === 0;

/** Whom root runs a new server as, since PostgreSQL refuses root: `postgres`, else `nobody`. */
export async function serviceAccount(): Promise<Account> {
  const passwd = (await ifPresent(readFile("/etc/passwd", "utf8"))) ?? "";
  return accountNamed("postgres", passwd) ?? accountNamed("nobody", passwd) ?? NOBODY;
}

/** The account of that name in the text of a passwd file, unless it is root by another name. */
export function accountNamed(name: string, passwd: string): Account | undefined {
  const fields = passwd
    .split("\n")
    .map((line) => line.split(":"))
    .find(([user]) => user === name);
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
  return Number.isInteger(uid) && Number.isInteger(gid) && uid > 0 ? { uid, gid, name } : undefined;
}

/**
 * Tries whether an account can enter a folder.
 *
 * @throws when this process may not run anything as that account
 */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  try {
    return (await run("/bin/sh", ["-c", 'cd "$0"', folder], account)).exitCode === 0;
  } catch (cause) {
    if (!(cause instanceof CannotRun)) throw cause;
    throw new Error(
      `PostgreSQL refuses to run as root, and root may not run it as ${account.name} here ` +
        `(${cause.message}): start Tenantry as an ordinary user, or ${USE_DATABASE_URL}`,
      { cause },
    );
  }
}
