import { spawn } from "node:child_process";
import { parse } from "node:path";

/** An account of the operating system that a child runs as. */
export interface Account {
  uid: number;
  gid: number;
  name: string;
}

export interface Outcome {
  exitCode: number | null;
  /** stdout and stderr, trimmed. */
  output: string;
}

/** PostgreSQL's programs write little before they exit; pipes still open then belong to the server. */
const LAST_OUTPUT_MS = 100;

/**
 * Runs a program to its end with a small environment of its own: nothing of ours (PGPASSFILE,
 * PGOPTIONS, secrets) reaches it.
 *
 * @param as whom to run as; undefined: as ourselves
 * @throws when the program cannot be started at all, or not as that account
 */
export function run(file: string, args: string[], as: Account | undefined): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: parse(file).root, // ours may be closed to that account
      env: { LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      ...(as && { uid: as.uid, gid: as.gid }),
    });
    let output = "";
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.once("error", (cause) => reject(new CannotRun(file, as, cause)));
    child.once("exit", (exitCode) => {
      const done = () => {
        clearTimeout(timer);
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ exitCode, output: output.trim() });
      };
      // On Windows the server inherits the pipes of pg_ctl, so "close" may never come.
      const timer = setTimeout(done, LAST_OUTPUT_MS);
      child.once("close", done);
    });
  });
}

/** Raised when a program could not even be started. */
export class CannotRun extends Error {
  constructor(file: string, as: Account | undefined, cause: Error) {
    super(`${file} cannot be run${as ? ` as ${as.name}` : ""}: ${cause.message}`, { cause });
    this.name = "CannotRun";
  }
}
