import { constants } from "node:fs";
import { lchown, lstat, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Answers `read`'s answer, or undefined where the file does not exist. */
export async function ifPresent<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Whether a fault of the file system has one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? "");
}

/**
 * Writes a whole file at once or not at all, mode 0600. A symbolic link at `path` is replaced, not
 * followed: root writes into folders that other accounts own.
 */
export async function replaceFile(
  path: string,
  text: string,
  owner?: { uid: number; gid: number },
): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(text);
    if (owner) await file.chown(owner.uid, owner.gid);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** The end of a text file from byte `from` on, at most `lines` lines; "" where there is none. */
export async function lastLines(path: string, from: number, lines: number): Promise<string> {
  const noFollow = constants.O_NOFOLLOW ?? 0; // absent on Windows
  const file = await ifPresent(open(path, constants.O_RDONLY | noFollow));
  if (!file) return "";
  try {
    const { size } = await file.stat();
    const start = Math.max(from, size - 8192);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8192), 0, 8192, start);
    const text = buffer.toString("utf8", 0, bytesRead).trim();
    return text.split("\n").slice(-lines).join("\n");
  } finally {
    await file.close();
  }
}

/** Hands a folder and all in it to an account. */
export async function giveTo(path: string, owner: { uid: number; gid: number }): Promise<void> {
  await lchown(path, owner.uid, owner.gid);
  if (!(await lstat(path)).isDirectory()) return;
  for (const name of await readdir(path)) await giveTo(join(path, name), owner);
}

/** Makes a rename in `path`'s folder survive a power cut. */
export async function syncFolderOf(path: string): Promise<void> {
  if (process.platform === "win32") return; // folders cannot be opened there
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
