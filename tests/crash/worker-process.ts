import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { WorkerOptions } from "../../src/operations/engine/engine.ts";
import { COMPILE_CACHE } from "../kit/compile-cache.ts";
import { Units } from "./units.ts";
import { openVaultWire } from "./vault-wire.ts";
import { openWire } from "./wire.ts";

/** What a worker's process is started with. */
export interface WorkerSettings {
  readonly environment: Readonly<Record<string, string>>;
  /** The port that it takes for PostgreSQL's, and the one that it connects to. */
  readonly through: { readonly from: number; readonly to: number } | null;
  /** Null for the local store. */
  readonly vaultUrl: string | null;
  readonly options: Pick<WorkerOptions, "beatMs" | "timeToLiveMs">;
}

/** Phases that fail behind their deed, by the slug of the tenant. */
export type Failing = Readonly<Record<string, string>>;

export type Order = { readonly id: number } & (
  | { readonly act: "work"; readonly failing: Failing }
  | { readonly act: "rest" }
);

interface Reply {
  readonly done: number;
  readonly failed?: string;
}

/** A worker in a process of its own. */
export class WorkerProcess {
  readonly units: Units;
  readonly #child: ChildProcess;
  readonly #closers: AsyncDisposableStack;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #orders = 0;
  #log = "";

  private constructor(child: ChildProcess, units: Units, closers: AsyncDisposableStack) {
    this.#child = child;
    this.units = units;
    this.#closers = closers;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#log += text;
      });
    child.on("message", (reply: Reply) => this.#waiting.get(reply.done)?.(reply));
    child.once("exit", (code, signal) => {
      const failed = `the worker has ended (${signal ?? code})\n${this.#log.slice(-4_000)}`;
      for (const [done, tell] of this.#waiting) tell({ done, failed });
    });
  }

  /**
   * Starts one that connects to PostgreSQL and the vault by itself, or through proxies.
   *
   * @param port PostgreSQL's
   */
  static async open(
    settings: Omit<WorkerSettings, "through">,
    { port, proxied }: { readonly port: number; readonly proxied: boolean },
  ): Promise<WorkerProcess> {
    const units = new Units();
    const closers = new AsyncDisposableStack();
    const wire = proxied ? closers.use(await openWire({ host: "127.0.0.1", port }, units)) : null;
    const vault =
      proxied && settings.vaultUrl !== null
        ? closers.use(await openVaultWire(settings.vaultUrl, units))
        : null;
    const own: WorkerSettings = {
      ...settings,
      through: wire && { from: port, to: wire.port },
      vaultUrl: vault?.url ?? settings.vaultUrl,
    };
    const child = fork(join(import.meta.dirname, "worker.ts"), [JSON.stringify(own)], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // A group of its own: an interrupt at the terminal is the sweep's.
      detached: true,
      // biome-ignore lint/style/noProcessEnv: the child's PATH and HOME
      env: { ...process.env, ...COMPILE_CACHE },
    });
    const opened = new WorkerProcess(child, units, closers);
    await opened.#reply(0);
    return opened;
  }

  get lives(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it has printed since it was asked last. */
  takeLog(): string {
    const log = this.#log;
    this.#log = "";
    return log;
  }

  /** Lets it take up what is on the queue. */
  async work(failing: Failing = {}): Promise<void> {
    await this.#order({ act: "work", failing });
  }

  /** Lets it take up nothing more, and waits until it runs nothing. */
  async rest(): Promise<void> {
    await this.#order({ act: "rest" });
  }

  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(name);
  }

  async end(): Promise<void> {
    if (this.lives) {
      const ended = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await ended;
    }
    await this.#closers.disposeAsync();
  }

  async #order(order: { act: "work"; failing: Failing } | { act: "rest" }): Promise<void> {
    this.#orders += 1;
    const reply = this.#reply(this.#orders);
    this.#child.send({ id: this.#orders, ...order } satisfies Order);
    await reply;
  }

  async #reply(id: number): Promise<void> {
    if (!this.lives) throw new Error("the worker has ended");
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, resolve);
    const { failed } = await promise;
    this.#waiting.delete(id);
    if (failed !== undefined) throw new Error(failed);
  }
}
