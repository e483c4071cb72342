import { chmod, lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Account } from "./child-process.ts";
import { hasCode } from "./files.ts";
import { canEnter } from "./service-account.ts";

/** Where root puts what the service account must reach but cannot reach below the checkout. */
export const sharedFolders = (): string[] => ["/var/lib/tenantry", join(tmpdir(), "tenantry")];

/**
 * The first of these folders that root alone can write and the account can enter; made if absent.
 *
 * @throws when there is none
 */
export async function sharedFolder(candidates: string[], account: Account): Promise<string> {
  for (const folder of candidates) {
    if ((await makeForRoot(folder)) && (await canEnter(account, folder))) return folder;
  }
  throw new Error(
    `None of ${candidates.join(", ")} is a folder that root owns and ${account.name} can enter: ` +
      "set DATA_DIR to such a place, or DATABASE_URL to another PostgreSQL",
  );
}

/** In a folder like /tmp the name may be taken by someone who waits for root to trust it. */
async function makeForRoot(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    await chmod(folder, 0o755); // whatever the umask says
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES", "EROFS", "ENOTDIR")) return false;
    if (!hasCode(error, "EEXIST")) throw error;
  }
  const found = await lstat(folder);
  return found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0;
}
