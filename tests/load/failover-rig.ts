import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { createServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import type { Platform } from "../../src/platform.ts";
import { testEnvironment } from "../kit/platform.ts";
import { registerServer, startServer, type TestServer } from "../kit/servers.ts";
import { OPERATOR } from "../kit/tenants.ts";
import { type Replicas, startReplicas } from "./replicas.ts";
import { asAdmin, lives } from "./rig.ts";

/** A program of the service. */
export interface Program {
  /** Every line that it has written, with the moment by `performance.now()`. */
  readonly lines: readonly { readonly at: number; readonly text: string }[];
  kill(): Promise<void>;
}

/** A platform whose database fails over, with a db server beside it and programs of the service. */
export interface FailoverRig extends AsyncDisposable {
  readonly replicas: Replicas;
  readonly server: TestServer;
  readonly synchronous: boolean;
  readonly environment: Record<string, string>;
  /** The platform as this process sees it. */
  readonly platform: Platform;
  /** Of the newest API that was started. */
  readonly url: string;
  /** A service token of an administrator. */
  readonly token: string;
  /** How many losses were accepted. */
  readonly losses: number;
  /** Runs `tenantry` with these words for as long as the rig is open. */
  start(...words: string[]): Promise<Program>;
  /** Runs `tenantry` with these words to its end. */
  tenantry(...words: string[]): Promise<{ readonly code: number; readonly output: string }>;
  /** Accepts the loss that there is; does nothing without one. */
  acceptLoss(): Promise<void>;
  /** Asks the platform database, past the platform. */
  // biome-ignore lint/suspicious/noExplicitAny: rows of any query
  rows(query: string, params?: unknown[]): Promise<any[]>;
  /** What programs logged as E_INTERNAL, which nothing here may cause. */
  bugs(): string[];
}

const COMMAND = join(import.meta.dirname, "../../bin/tenantry.js");
const DATABASE = "tenantry_failover";
const READY = ["Tenantry listens on ", "Tenantry worker runs."];

/** Opens one. */
export async function openFailoverRig(synchronous: boolean): Promise<FailoverRig> {
  await using parts = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-failover-"));
  parts.defer(() => rm(dataDir, { recursive: true, force: true }));
  const replicas = parts.use(await startReplicas(synchronous));
  const server = parts.use(await startServer());
  await asAdmin(replicas.url, (client) => client.query(`create database ${DATABASE}`));
  const url = new URL(replicas.url);
  url.pathname = `/${DATABASE}`;
  const environment = { ...testEnvironment(url.href, dataDir), LOG_LEVEL: "error" };
  const platform = await assemble(readConfig({ ...environment, LOG_LEVEL: "silent" }));
  parts.defer(() => platform.close());
  await registerServer(platform, server, { name: "beside" });
  const ports = { em: platform.orm.em, clock: platform.clock };
  const request = { name: "failover", role: "ADMINISTRATOR" };
  const { value: token } = await createServiceToken(ports, OPERATOR, request);
  const owned = parts.move();
  return new Rig({ replicas, server, synchronous, environment, platform, token, owned });
}

type Parts = Pick<
  FailoverRig,
  "replicas" | "server" | "synchronous" | "environment" | "platform" | "token"
> & { readonly owned: AsyncDisposableStack };

class Rig implements FailoverRig {
  readonly replicas: Replicas;
  readonly server: TestServer;
  readonly synchronous: boolean;
  readonly environment: Record<string, string>;
  readonly platform: Platform;
  readonly token: string;
  url = "";
  losses = 0;
  readonly #owned: AsyncDisposableStack;
  readonly #programs: Program[] = [];
  #accepting: Promise<void> | null = null;

  constructor({ owned, ...parts }: Parts) {
    this.replicas = parts.replicas;
    this.server = parts.server;
    this.synchronous = parts.synchronous;
    this.environment = parts.environment;
    this.platform = parts.platform;
    this.token = parts.token;
    this.#owned = owned;
  }

  async start(...words: string[]): Promise<Program> {
    const child = this.#spawn(words);
    const lines: { at: number; text: string }[] = [];
    const kill = async () => {
      if (!lives(child)) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    };
    this.#owned.defer(kill);
    await new Promise<void>((resolve, reject) => {
      child.once("exit", () => reject(new Error(lines.map(({ text }) => text).join("\n"))));
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding("utf8").on("data", (chunk: string) => {
          for (const text of chunk.split("\n")) {
            lines.push({ at: performance.now(), text });
            if (text.startsWith(READY[0] ?? "")) this.url = text.slice(READY[0]?.length);
            if (READY.some((ready) => text.startsWith(ready))) resolve();
          }
        });
    });
    const program = { lines, kill };
    this.#programs.push(program);
    return program;
  }

  async tenantry(...words: string[]) {
    const child = this.#spawn(words);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    const [code] = (await once(child, "close")) as [number];
    return { code, output };
  }

  async acceptLoss(): Promise<void> {
    this.#accepting ??= this.#accept().finally(() => {
      this.#accepting = null;
    });
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const { code } = await this.tenantry("db", "accept-loss", "--reason", "a failover", "--yes");
    if (code === 0) this.losses += 1;
  }

  async rows(query: string, params: unknown[] = []) {
    const url = this.environment.DATABASE_URL ?? "";
    return (await asAdmin(url, (client) => client.query(query, params))).rows;
  }

  bugs(): string[] {
    return this.#programs.flatMap(({ lines }) =>
      lines.map(({ text }) => text).filter((text) => text.includes("E_INTERNAL")),
    );
  }

  #spawn(words: readonly string[]): ChildProcess {
    const stdio = ["ignore", "pipe", "pipe"] as const;
    return spawn(process.execPath, [COMMAND, ...words], {
      env: this.environment,
      stdio: [...stdio],
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}
