import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { COMPILE_CACHE } from "./compile-cache.ts";

/** What a process of commands is to run, and what it writes behind that to both of its streams. */
export interface Order {
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly mark: string;
}

/** How a program ended, and what it wrote. */
export interface Ran {
  /** The exit code, or the signal that ended it. */
  readonly end: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

const MARK = "\u0000end of the command\u0000";

/** Processes that wait for a command; they end with this one. */
const idle: ChildProcess[] = [];

/** Runs the `tenantry` command to its end, in a process that runs others before and behind it. */
export async function runCommand(
  words: readonly string[],
  environment: Order["environment"],
): Promise<Ran> {
  const child = idle.pop() ?? startProcess();
  const ended = endOf(child);
  const written = Promise.all([untilMarked(child.stdout), untilMarked(child.stderr)]);
  child.send({ words, environment, mark: MARK } satisfies Order);
  const [stdout, stderr] = await written;
  const end = await ended;
  if (child.connected) idle.push(child);
  return { end, stdout, stderr };
}

function startProcess(): ChildProcess {
  const child = fork(join(import.meta.dirname, "command-process.ts"), {
    env: COMPILE_CACHE,
    execArgv: [],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8");
  child.unref();
  child.channel?.unref();
  return child;
}

/** The exit code that a command ends with, or how its process ended. */
const endOf = (child: ChildProcess): Promise<Ran["end"]> =>
  new Promise((resolve) => {
    const done = (end: Ran["end"]) => {
      child.off("message", done as never).off("exit", exited);
      resolve(end);
    };
    const exited = (code: number | null, signal: NodeJS.Signals | null) =>
      done(code ?? signal ?? "SIGKILL");
    child.on("message", done as never).on("exit", exited);
  });

const untilMarked = (stream: Readable | null): Promise<string> =>
  new Promise((resolve) => {
    let text = "";
    const done = () => {
      stream?.off("data", add).off("end", done);
      resolve(text.split(MARK, 1)[0] ?? "");
    };
    const add = (chunk: string) => {
      text += chunk;
      if (text.includes(MARK)) done();
    };
    stream?.on("data", add).on("end", done);
  });
