import { open } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";

const RETRY_MS = 10;
const PATIENCE_MS = 180_000; // above all that a holder may take: initialise, recover, start
const SQLITE_BUSY = 5;

/**
 * Runs `work` while no other process, and no other call in this one, does so on the same file.
 *
 * Node has no flock; SQLite has: its exclusive transaction is a lock of the kernel, which ends with
 * its holder however that dies, on every platform. No table is ever written.
 *
 * @throws when the file cannot be opened, or another has held it for three minutes
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await createIfAbsent(file);
  const lock = new DatabaseSync(file);
  try {
    const deadline = Date.now() + PATIENCE_MS;
    while (!tryAcquire(lock)) {
      if (Date.now() > deadline) throw new Error(`Another process has held ${file} for too long`);
      await pause(RETRY_MS);
    }
    return await work();
  } finally {
    lock.close();
  }
}

function tryAcquire(lock: DatabaseSync): boolean {
  try {
    // Without a journal there is no second file beside this one.
    lock.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
    throw error;
  }
}

async function createIfAbsent(file: string): Promise<void> {
  try {
    // "x": to open and close an existing file would drop a lock that this process holds on it.
    await (await open(file, "ax", 0o600)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
