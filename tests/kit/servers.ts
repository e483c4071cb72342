import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFile, chown, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { run } from "../../packages/embedded-postgres/src/child-process.ts";
import { remember } from "../../packages/embedded-postgres/src/data-folder.ts";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../packages/embedded-postgres/src/index.ts";
import { SETTINGS_FILE } from "../../packages/embedded-postgres/src/initialise.ts";
import { usablePrograms } from "../../packages/embedded-postgres/src/programs.ts";
import { findServerPackage } from "../../packages/embedded-postgres/src/server-package.ts";
import { isRoot, serviceAccount } from "../../packages/embedded-postgres/src/service-account.ts";
import { SUPERUSER } from "../../packages/embedded-postgres/src/session.ts";
import { ADMIN_SECRET_PURPOSE } from "../../src/placement/admin-login.ts";
import type { DbServer } from "../../src/placement/db-server.entity.ts";
import { registerDbServer } from "../../src/placement/db-servers.ts";
import type { Platform } from "../../src/platform.ts";
import { asSuperuser } from "./database.ts";
import { CARELESS, makeServerFolder } from "./folders.ts";
import { OPERATOR } from "./tenants.ts";

/** A further PostgreSQL server of a test's own, at an address that stays. */
export interface TestServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Connection URL as its superuser, in the database `postgres`. */
  readonly url: string;
  /** Disconnects everybody and ends. */
  stop(): Promise<void>;
  /** Starts again where it was; also one that was stopped. */
  restart(): Promise<void>;
  /** The same, as `pg_ctl restart -m immediate` does: without a goodbye to anybody. */
  crash(): Promise<void>;
  /** Makes every process of it stand still: connections open and nothing answers. */
  freeze(): Promise<void>;
  /** Lets it go on. */
  thaw(): Promise<void>;
}

interface ServerOptions {
  /** Of its databases and its template; UTF8 unless told. */
  readonly encoding?: string;
  /** Beside those of a server whose data need not survive a power cut. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts a further server; disposing it stops it and removes its data. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const { encoding, settings = {} } = options;
  const dataDir = await makeServerFolder("tenantry-server-");
  if (encoding !== undefined) await initialiseAs(encoding, dataDir);
  const launch = async () => {
    const started = await startEmbeddedPostgres({
      dataDir,
      database: "postgres",
      settings: { ...CARELESS, ...settings },
    });
    // As on a server that somebody else has made.
    await asSuperuser(started.url, (client) =>
      client.query("grant connect, temporary on database postgres, template1 to public"),
    );
    return started;
  };
  let postgres: EmbeddedPostgres | undefined = await launch();
  const { host, port, url, pid: first } = postgres;
  let pid = first;
  const signal = async (name: "SIGSTOP" | "SIGCONT") => {
    for (const each of [pid, ...(await childrenOf(pid))]) {
      try {
        process.kill(each, name);
      } catch {
        // It has just ended by itself.
      }
    }
  };
  const stop = async () => {
    await postgres?.stop();
    postgres = undefined;
  };
  const start = async () => {
    postgres = await launch();
    pid = postgres.pid;
    // It remembers its port, and takes another one only where that was given away meanwhile.
    if (postgres.port !== port) throw new Error("The server came back at another port");
  };
  return {
    host,
    port,
    url,
    stop,
    restart: async () => {
      await stop();
      await start();
    },
    crash: async () => {
      // How a server is told to end at once.
      process.kill(pid, "SIGQUIT");
      while (isAlive(pid)) await delay(10);
      await start();
    },
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    [Symbol.asyncDispose]: async () => {
      if (postgres) await signal("SIGCONT");
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Makes the cluster of a data folder as an operator with another encoding would: without a locale. */
async function initialiseAs(encoding: string, dataDir: string): Promise<void> {
  const account = isRoot() ? await serviceAccount() : undefined;
  const programs = await usablePrograms(await findServerPackage(), account, async () => dataDir);
  const [cluster, secret] = [join(dataDir, "postgres"), join(dataDir, "password")];
  const password = randomBytes(12).toString("hex");
  await mkdir(cluster);
  await writeFile(secret, password);
  if (account) for (const path of [cluster, secret]) await chown(path, account.uid, account.gid);
  const login = [`--username=${SUPERUSER}`, "--auth=scram-sha-256", `--pwfile=${secret}`];
  const args = ["-D", cluster, `--encoding=${encoding}`, "--no-locale", "--no-sync", ...login];
  const { exitCode, output } = await run(programs.initdb, args, account);
  if (exitCode !== 0) throw new Error(output);
  await appendFile(join(cluster, "postgresql.conf"), `\ninclude = '${SETTINGS_FILE}'\n`);
  await remember(dataDir, { password, cluster: "postgres" });
}

/** The processes that a server's first process has started. */
async function childrenOf(parent: number): Promise<number[]> {
  if (process.platform !== "linux") {
    const { stdout } = await promisify(execFile)("/bin/ps", ["-axo", "pid=,ppid="]);
    const pairs = stdout.split("\n").map((line) => line.trim().split(/\s+/).map(Number));
    return pairs.flatMap(([pid, of]) => (pid !== undefined && of === parent ? [pid] : []));
  }
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const children = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
      // The name, in brackets, may hold anything.
      const [, of] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(of) === parent ? [Number(pid)] : [];
    }),
  );
  return children.flat();
}

/** Stores a server's superuser as its admin and registers it, as an operator would. */
export async function registerServer(
  platform: Platform,
  server: Pick<TestServer, "host" | "port" | "url">,
  request: { readonly name: string } & Record<string, unknown>,
): Promise<DbServer> {
  const adminSecretRef = `db-server-${request.name}`;
  await platform.secrets.set(adminSecretRef, server.url, { purpose: ADMIN_SECRET_PURPOSE });
  const { host, port } = server;
  const defaults = { region: "eu-central", tlsMode: "DISABLE", adminSecretRef };
  return await registerDbServer(platform, OPERATOR, { ...defaults, host, port, ...request });
}
