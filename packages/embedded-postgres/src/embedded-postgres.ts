import { dirname } from "node:path";
import { findClusterOf, lockFile, openDataFolder } from "./data-folder.ts";
import { EmbeddedServer, type Surroundings } from "./embedded-server.ts";
import { withLock } from "./lock.ts";
import { HOST } from "./port.ts";
import { runningPostmaster } from "./postmaster.ts";
import { findServerPackage } from "./server-package.ts";
import { SUPERUSER } from "./session.ts";
import { sharedFolders } from "./shared-folder.ts";

export interface EmbeddedPostgresOptions {
  /** The folder that the server lives in; made if absent. */
  dataDir: string;
  /** Made if absent. */
  database: string;
  log?: (line: string) => void;
  /** Server settings beside ours; without effect on a server that is adopted. */
  settings?: Record<string, string>;
}

export interface EmbeddedPostgres {
  host: "127.0.0.1";
  port: number;
  /** A superuser. */
  user: string;
  password: string;
  database: string;
  /** All of the above as `postgres://…`; holds the password. */
  url: string;
  /** Whether the server was already running. */
  adopted: boolean;
  /** Of the server's first process. */
  pid: number;
  /**
   * Stops the server (fast mode) unless other clients are still connected. Close your own
   * connections first: they count as others. To be called once, as the last act.
   *
   * @returns `otherClients`: how many connections kept the server up
   */
  release(): Promise<{ stopped: boolean; otherClients: number }>;
  /** Stops the server (fast mode), whoever is connected. */
  stop(): Promise<void>;
}

/**
 * Starts (or adopts) the PostgreSQL that lives in dataDir and answers how to reach it. Until
 * `release` or `stop`, or the end of this process, one idle connection marks it as in use.
 *
 * @throws Error with one clear line when PostgreSQL cannot run here or the folder belongs to
 *   another user; with the last lines of the server's log when it does not start
 */
export function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  return startAmid(options, { findPackage: findServerPackage, sharedFolders: sharedFolders() });
}

/** As startEmbeddedPostgres, with the rest of the machine as an argument. */
export async function startAmid(
  options: EmbeddedPostgresOptions,
  around: Surroundings,
): Promise<EmbeddedPostgres> {
  const dataDir = await openDataFolder(options.dataDir);
  const log = options.log ?? (() => {});
  const locked = <T>(work: () => Promise<T>) => withLock(lockFile(dataDir), work);
  return await locked(async () => {
    const server = await EmbeddedServer.of(dataDir, around);
    const { pid, port, adopted } = await server.join(options.database, options.settings ?? {});
    log(`PostgreSQL ${adopted ? "found running" : "started"} on ${HOST}:${port}, process ${pid}`);
    if (dirname(server.clusterDir) !== dataDir) log(`Its data lies in ${server.clusterDir}`);
    const { password } = server;
    return {
      host: HOST,
      port,
      user: SUPERUSER,
      password,
      database: options.database,
      url: urlOf(password, port, options.database),
      adopted,
      pid,
      release: () => locked(() => server.leave()),
      stop: () => locked(() => server.stop()),
    };
  });
}

const urlOf = (password: string, port: number, database: string): string =>
  `postgres://${SUPERUSER}:${password}@${HOST}:${port}/${encodeURIComponent(database)}`;

/**
 * The URL of the PostgreSQL that lives in `dataDir`, as `EmbeddedPostgres.url` has it; null while it
 * does not run. Starts nothing and keeps nothing running.
 */
export async function findEmbeddedPostgres({
  dataDir,
  database,
}: Pick<EmbeddedPostgresOptions, "dataDir" | "database">): Promise<string | null> {
  const found = await findClusterOf(dataDir);
  const port = found && (await runningPostmaster(found.dir))?.port;
  return found && port ? urlOf(found.password, port, database) : null;
}
