import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Cluster, findCluster, type Remembered, remember } from "./data-folder.ts";
import { replaceFile } from "./files.ts";
import { initialise, SETTINGS_FILE } from "./initialise.ts";
import { freePort, isFree } from "./port.ts";
import { logTail, runningPostmaster, startServer, stopServer } from "./postmaster.ts";
import { type Programs, usablePrograms } from "./programs.ts";
import type { ServerPackage } from "./server-package.ts";
import { settingsFile } from "./server-settings.ts";
import { isRoot } from "./service-account.ts";
import { Session } from "./session.ts";
import { sharedFolder } from "./shared-folder.ts";

/** Where things lie outside the data folder. */
export interface Surroundings {
  findPackage: () => Promise<ServerPackage>;
  /** Candidates for what root cannot keep in the data folder or run from the package. */
  sharedFolders: string[];
}

const ANSWER_MS = 120_000; // a server found starting may be recovering from a crash
const LOOK_AGAIN_MS = 20;
const PORT_ATTEMPTS = 3;
/** A pool that has just been ended leaves its server processes for a moment. */
const DEPARTURE_MS = 250;

/** The server of one data folder. Every method is to be called under the folder's lock. */
export class EmbeddedServer {
  readonly #dataDir: string;
  readonly #cluster: Cluster;
  readonly #memory: Remembered;
  readonly #around: Surroundings;
  #session: Session | undefined;

  private constructor(
    dataDir: string,
    found: { cluster: Cluster; memory: Remembered },
    around: Surroundings,
  ) {
    this.#dataDir = dataDir;
    this.#cluster = found.cluster;
    this.#memory = found.memory;
    this.#around = around;
  }

  /** @throws when the folder's cluster cannot be used */
  static async of(dataDir: string, around: Surroundings): Promise<EmbeddedServer> {
    const found = await findCluster(dataDir, (account) =>
      sharedFolder(around.sharedFolders, account),
    );
    return new EmbeddedServer(dataDir, found, around);
  }

  get clusterDir(): string {
    return this.#cluster.dir;
  }

  get password(): string {
    return this.#memory.password;
  }

  /**
   * Joins the running server, or starts one, and makes the database if it is absent.
   *
   * @throws when no server comes to accept connections
   */
  async join(database: string, settings: Record<string, string>) {
    const found = await this.#connect();
    if (!found) await this.#launch(settings);
    const server = found ?? (await this.#connect());
    if (!server) throw new Error(`PostgreSQL ended at once:\n${await logTail(this.#cluster.dir)}`);
    await server.session.closeMaintenanceDatabases();
    await server.session.createDatabaseIfAbsent(database);
    return { pid: server.pid, port: server.port, adopted: server === found };
  }

  /** Ends our own connection; stops the server if there is no other. */
  async leave(): Promise<{ stopped: boolean; otherClients: number }> {
    const otherClients = await this.#countOthers();
    if (otherClients === 0) await this.stop();
    else await this.#endSession();
    return { stopped: otherClients === 0, otherClients };
  }

  async stop(): Promise<void> {
    await this.#endSession();
    if (!(await runningPostmaster(this.#cluster.dir))) return;
    await stopServer(await this.#programs(), this.#cluster.dir, this.#cluster.account);
  }

  async #launch(settings: Record<string, string>): Promise<void> {
    const { dir, account } = this.#cluster;
    const programs = await this.#programs();
    if (!this.#cluster.initialised) {
      await initialise(programs, dir, account, this.#memory.password);
      this.#cluster.initialised = true;
    }
    for (let attempt = 1; ; attempt++) {
      const port = await this.#rememberFreePort();
      await replaceFile(join(dir, SETTINGS_FILE), settingsFile(settings, port), account);
      try {
        return await startServer(programs, dir, account);
      } catch (error) {
        // Another program may have taken the port between our look and the server's.
        if (attempt === PORT_ATTEMPTS || (await isFree(port))) throw error;
      }
    }
  }

  async #rememberFreePort(): Promise<number> {
    const port = await freePort(this.#memory.port);
    if (port !== this.#memory.port) {
      this.#memory.port = port;
      await remember(this.#dataDir, this.#memory);
    }
    return port;
  }

  /** Waits for the running server to accept us; undefined as soon as none is running. */
  async #connect(): Promise<{ session: Session; pid: number; port: number } | undefined> {
    const { dir } = this.#cluster;
    const deadline = Date.now() + ANSWER_MS;
    while (Date.now() < deadline) {
      const running = await runningPostmaster(dir);
      if (!running) return undefined;
      const { pid, port } = running;
      const session = port ? await Session.open(dir, port, this.#memory.password) : undefined;
      if (session && port) {
        this.#session = session;
        return { session, pid, port };
      }
      await pause(LOOK_AGAIN_MS);
    }
    throw new Error(`PostgreSQL in ${dir} accepts no connections:\n${await logTail(dir)}`);
  }

  async #countOthers(): Promise<number> {
    const session = this.#session?.isOpen ? this.#session : (await this.#connect())?.session;
    if (!session) return 0; // nothing is running
    const deadline = Date.now() + DEPARTURE_MS;
    let others = await session.countOthers();
    while (others > 0 && Date.now() < deadline) {
      await pause(LOOK_AGAIN_MS);
      others = await session.countOthers();
    }
    return others;
  }

  async #endSession(): Promise<void> {
    await this.#session?.end();
    this.#session = undefined;
  }

  #programs(): Promise<Programs> {
    const { account } = this.#cluster;
    return this.#around
      .findPackage()
      .then((found) =>
        usablePrograms(found, account, async () =>
          account && isRoot() ? sharedFolder(this.#around.sharedFolders, account) : this.#dataDir,
        ),
      );
  }
}
