import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type Ran, runCommand } from "../kit/commands.ts";
import { COMPILE_CACHE } from "../kit/compile-cache.ts";

export type { Ran };

const ROOT = join(import.meta.dirname, "../..");
export const COMMAND = join(ROOT, "bin/tenantry.js");
export const SERVICE = join(ROOT, "src/main.ts");
export const DEMO = join(ROOT, "src/demo/demo.ts");

export type Environment = Record<string, string>;

/** A program that runs. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** Waits until standard output holds a text. @throws Error with all output when it ends before */
  until(text: string): Promise<void>;
  readonly ended: Promise<Ran>;
}

/** Starts a script with this Node; flags of Node itself come before the script. */
export function start(words: readonly string[], environment: Environment): Running {
  const env = { ...COMPILE_CACHE, ...environment };
  const child = spawn(process.execPath, words, { env, cwd: environment.DATA_DIR });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      output[stream] += text;
    });
  }
  const ended = once(child, "close").then(([code, signal]) => ({ end: code ?? signal, ...output }));
  const until = async (text: string) => {
    const gone = ended.then((ran) => {
      if (!ran.stdout.includes(text))
        throw new Error(`Ended before '${text}': ${JSON.stringify(ran)}`);
    });
    while (!output.stdout.includes(text)) await Promise.race([once(child.stdout, "data"), gone]);
  };
  return { child, until, ended };
}

/** Runs the `tenantry` command to its end; `tenantryAlone` where it is to have a process to itself. */
export const tenantry = runCommand;

/** Runs the `tenantry` command to its end, in a process of its own. */
export async function tenantryAlone(
  words: readonly string[],
  environment: Environment,
): Promise<Ran> {
  const { child, ended } = start([COMMAND, ...words], environment);
  child.stdin.end();
  return await ended;
}

/** Sets the platform up that commands expect to find, as an operator would. */
export async function setUpPlatform(environment: Environment): Promise<void> {
  const { end, stderr } = await tenantryAlone(["db", "upgrade"], environment);
  if (end !== 0) throw new Error(stderr);
}

/** What a command wrote with `--json`: one value a line. */
export const linesOf = ({ stdout }: Ran): Record<string, unknown>[] =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const EVENTS = ["OPERATION_STATE", "PHASE_STATE", "PHASE_PROGRESS"];

/**
 * The RESULT of a command that ran with `--json`, in the form that docs/cli.md describes: one,
 * at the end, and no event of an operation that was not told to have STARTED.
 */
export function resultOf(ran: Ran): Record<string, unknown> {
  const lines = linesOf(ran) as {
    type: string;
    operationId?: string;
    operation?: { id: string };
  }[];
  const ends = lines.flatMap(({ type }, at) => (type === "RESULT" ? [at] : []));
  expect(ends).toEqual([lines.length - 1]);
  const begun = new Set<string | undefined>();
  for (const { type, operation, operationId } of lines) {
    if (type === "STARTED") begun.add(operation?.id);
    else if (EVENTS.includes(type)) expect(begun).toContain(operationId);
  }
  return { ...lines.at(-1) };
}

/** A fresh data folder; open to all, so that a server that root starts as another user can live in it. */
export async function makeDataDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tenantry-cli-"));
  await chmod(folder, 0o755);
  return folder;
}
