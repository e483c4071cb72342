import { createHash, randomBytes } from "node:crypto";
import {
  access,
  chmod,
  constants,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  stat,
} from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { Account } from "./child-process.ts";
import { giveTo, hasCode, ifPresent, replaceFile } from "./files.ts";
import { canEnter, isRoot, serviceAccount } from "./service-account.ts";

/** What `postgres.json` in the data folder keeps over restarts. */
export interface Remembered {
  password: string;
  /** The cluster's folder, relative to the data folder where it lies inside. */
  cluster: string;
  /** Absent until the cluster has been initialised. */
  port?: number;
}

/** A cluster and whom its server runs as. */
export interface Cluster {
  /** Absolute, without symbolic links. */
  dir: string;
  /** Undefined: this process's own account. */
  account: Account | undefined;
  initialised: boolean;
}

/** The file whose lock says that a process has the embedded server. */
export const lockFile = (dataDir: string): string => join(dataDir, "postgres.lock");
const memoryFile = (dataDir: string): string => join(dataDir, "postgres.json");

/**
 * Makes the data folder if it is absent; answers its real path.
 *
 * @throws when another user has made what is in it
 */
export async function openDataFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  const dataDir = await realpath(path);
  for (const file of [dataDir, lockFile(dataDir), memoryFile(dataDir)]) {
    try {
      await access(file, constants.R_OK | constants.W_OK);
    } catch (error) {
      if (hasCode(error, "EACCES", "EPERM")) throw madeByAnother(dataDir);
      if (!hasCode(error, "ENOENT")) throw error;
    }
  }
  return dataDir;
}

/** Whether a cluster was initialised from this data folder; what cannot be read is for a start to tell. */
export async function hasCluster(dataDir: string): Promise<boolean> {
  try {
    const memory: Remembered = JSON.parse(await readFile(memoryFile(dataDir), "utf8"));
    return memory.port !== undefined;
  } catch (error) {
    return !hasCode(error, "ENOENT", "ENOTDIR");
  }
}

/**
 * The folder and password of the cluster that was initialised from this data folder; null where there is none.
 *
 * @throws when what is there cannot be read
 */
export async function findClusterOf(
  dataDir: string,
): Promise<{ dir: string; password: string } | null> {
  const text = await ifPresent(readFile(memoryFile(dataDir), "utf8"));
  if (text === undefined) return null;
  const { cluster, password }: Remembered = JSON.parse(text);
  const dir = await ifPresent(realpath(resolve(dataDir, cluster)));
  return dir === undefined ? null : { dir, password };
}

/** Writes down what the next start has to know. */
export async function remember(dataDir: string, memory: Remembered): Promise<void> {
  const file = memoryFile(dataDir);
  // When root helps out, the file stays with its owner.
  const owner = isRoot() ? await ifPresent(lstat(file)) : undefined;
  await replaceFile(file, `${JSON.stringify(memory, null, 2)}\n`, owner);
}

/**
 * Finds the data folder's cluster, or chooses where it shall be. To be called under the lock.
 *
 * @param sharedFolder where root puts a cluster whose account cannot enter the data folder
 * @throws when what is there cannot be used: made by another user, gone, or without its password
 */
export async function findCluster(
  dataDir: string,
  sharedFolder: (account: Account) => Promise<string>,
): Promise<{ cluster: Cluster; memory: Remembered }> {
  const text = await ifPresent(readFile(memoryFile(dataDir), "utf8"));
  const memory: Remembered | undefined = text === undefined ? undefined : JSON.parse(text);
  const path = resolve(dataDir, memory?.cluster ?? "postgres");
  const dir = await ifPresent(realpath(path));
  if (memory && dir !== undefined) {
    const account = await ownerOf(dataDir, dir);
    return { cluster: { dir, account, initialised: true }, memory };
  }
  if (dir !== undefined) {
    throw new Error(`${memoryFile(dataDir)}, which holds the password of ${dir}, is missing`);
  }
  if (memory?.port !== undefined) {
    throw new Error(
      `The database in ${path} is gone; remove ${memoryFile(dataDir)} to start with an empty one`,
    );
  }
  return await chooseCluster(dataDir, memory, sharedFolder);
}

async function chooseCluster(
  dataDir: string,
  unfinished: Remembered | undefined,
  sharedFolder: (account: Account) => Promise<string>,
): Promise<{ cluster: Cluster; memory: Remembered }> {
  const account = isRoot() ? await serviceAccount() : undefined;
  let dir = join(dataDir, "postgres");
  if (account && !(await canEnter(account, dataDir))) {
    dir =
      (await startedElsewhere(unfinished)) ??
      (await placeElsewhere(dataDir, account, sharedFolder));
  }
  const inside = dirname(dir) === dataDir;
  const memory = {
    password: randomBytes(24).toString("base64url"),
    cluster: inside ? relative(dataDir, dir) : dir,
  };
  await remember(dataDir, memory);
  return { cluster: { dir, account, initialised: false }, memory };
}

/** The place of an initialisation that did not come to its end. */
async function startedElsewhere(memory: Remembered | undefined): Promise<string | undefined> {
  if (!memory || !isAbsolute(memory.cluster)) return undefined;
  return (await ifPresent(lstat(dirname(memory.cluster)))) && memory.cluster;
}

/** A new folder each time: one of the same name may serve a data folder that has been moved. */
async function placeElsewhere(
  dataDir: string,
  account: Account,
  sharedFolder: (account: Account) => Promise<string>,
): Promise<string> {
  const hash = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  const place = await mkdtemp(join(await sharedFolder(account), `${hash}-`));
  await chmod(place, 0o711);
  return join(await realpath(place), "postgres");
}

/** Whom the server of an existing cluster must run as: PostgreSQL wants the cluster's owner. */
async function ownerOf(dataDir: string, dir: string): Promise<Account | undefined> {
  const owner = await stat(dir);
  const self = process.getuid?.();
  if (self === undefined || (self !== 0 && owner.uid === self)) return undefined;
  if (self !== 0) throw madeByAnother(dataDir);
  if (owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, name: `user ${owner.uid}` };
  const account = await serviceAccount();
  await giveTo(dir, account); // someone has copied it or changed its owner as root
  return account;
}

const madeByAnother = (dataDir: string): Error =>
  new Error(
    `${dataDir} belongs to another user, probably root: start Tenantry as that user, ` +
      "or set DATA_DIR to a folder of your own",
  );
