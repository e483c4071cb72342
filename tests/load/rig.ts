import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { createServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import type { Platform } from "../../src/platform.ts";
import { testEnvironment } from "../kit/platform.ts";
import { startServer, type TestServer } from "../kit/servers.ts";
import { OPERATOR } from "../kit/tenants.ts";

/** What a process has used, in bytes. */
export interface Usage {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  /** The greatest `rss` that it had. */
  readonly peak: number;
}

/** A process of the service. */
export interface ServiceProcess extends AsyncDisposable {
  /** Of its API; empty for a worker. */
  readonly url: string;
  usage(): Promise<Usage>;
  lives(): boolean;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** A platform on a server of its own, for processes of any number. */
export interface Rig extends AsyncDisposable {
  readonly server: TestServer;
  /** The platform as this process sees it, without API and worker. */
  readonly platform: Platform;
  start(part: "api" | "worker" | "both", port?: string): Promise<ServiceProcess>;
  /** Asks the platform database, past the platform. */
  rows<Row extends object>(query: string, params?: unknown[]): Promise<Row[]>;
  /** A service token of an administrator. */
  token(name: string): Promise<string>;
  /** What processes logged as E_INTERNAL, which nothing here may cause. */
  bugs(): Promise<string[]>;
}

const DATABASE = "tenantry_load";

/** Opens one; `variables` of the environment, and settings of PostgreSQL, beside those of tests. */
export async function openRig(
  variables: Record<string, string> = {},
  settings: Record<string, string> = {},
): Promise<Rig> {
  await using parts = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-load-"));
  parts.defer(() => rm(dataDir, { recursive: true, force: true }));
  const logFile = join(dataDir, "processes.log");
  const log = parts.use(await open(logFile, "a"));
  // What was acknowledged has to be there behind a crash of the server, if not of the machine.
  const server = parts.use(
    await startServer({ settings: { synchronous_commit: "on", ...settings } }),
  );
  const url = new URL(server.url);
  url.pathname = `/${DATABASE}`;
  await asAdmin(server.url, (client) => client.query(`create database ${DATABASE}`));
  const environment = { ...testEnvironment(url.href, dataDir), LOG_LEVEL: "error", ...variables };
  const platform = await assemble(readConfig({ ...environment, LOG_LEVEL: "silent" }));
  parts.defer(() => platform.close());
  const owned = parts.move();
  return {
    server,
    platform,
    start: async (part, port = "0") => {
      const process = await startProcess(part, { ...environment, PORT: port }, log);
      owned.use(process);
      return process;
    },
    rows: async <Row extends object>(query: string, params: unknown[] = []) =>
      (await asAdmin(url.href, (client) => client.query<Row>(query, params))).rows,
    token: async (name) => {
      const ports = { em: platform.orm.em, clock: platform.clock };
      const { value } = await createServiceToken(ports, OPERATOR, { name, role: "ADMINISTRATOR" });
      return value;
    },
    bugs: async () =>
      (await readFile(logFile, "utf8")).split("\n").filter((line) => line.includes("E_INTERNAL")),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Works on a database for which one connection is enough, and which may end at any moment. */
export async function asAdmin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

async function startProcess(
  part: string,
  environment: Record<string, string>,
  { fd }: FileHandle,
): Promise<ServiceProcess> {
  const script = join(import.meta.dirname, "process.ts");
  const stdio = ["ignore", fd, fd, "ipc"] as const;
  const child = fork(script, [part, JSON.stringify(environment)], { stdio: [...stdio] });
  const [{ url }] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error("A process ended as it began"))),
  ])) as [{ url: string | null }];
  const kill = async (signal: NodeJS.Signals) => {
    if (!lives(child)) return;
    child.kill(signal);
    await once(child, "exit");
  };
  return {
    url: url ?? "",
    lives: () => lives(child),
    usage: async () => {
      child.send("usage");
      const [usage] = await once(child, "message");
      return usage as Usage;
    },
    kill,
    [Symbol.asyncDispose]: () => kill("SIGKILL"),
  };
}

/** Whether a process has not ended. */
export const lives = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode === null && signalCode === null;
