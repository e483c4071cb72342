import { chmod, cp, mkdtemp, mkdtempDisposable, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MEMORY = "/dev/shm";
const ROOMY = 4 * 2 ** 30;

/**
 * Makes a folder for the data of a server that lives as long as a test: in memory where there is
 * plenty, since tests make and drop many databases. Programs may not run from there.
 */
export async function makeServerFolder(stem: string): Promise<string> {
  const memory = await statfs(MEMORY).catch(() => null);
  const roomy = memory !== null && memory.bavail * memory.bsize > ROOMY;
  const folder = await mkdtemp(join(roomy ? MEMORY : tmpdir(), stem));
  // As root the server runs as another user, who has to get in.
  await chmod(folder, 0o755);
  return folder;
}

/** A copy of a folder that a test may change, or an empty one; disposing it removes it. */
export async function openFolder(of?: string) {
  const folder = await mkdtempDisposable(join(tmpdir(), "tenantry-folder-"));
  if (of !== undefined) await cp(of, folder.path, { recursive: true });
  return folder;
}

/** For servers whose data need not survive a power cut. */
export const CARELESS = { fsync: "off", full_page_writes: "off", synchronous_commit: "off" };
