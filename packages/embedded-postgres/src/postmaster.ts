import { readFile, readlink, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Account, run } from "./child-process.ts";
import { hasCode, ifPresent, lastLines, replaceFile } from "./files.ts";
import type { Programs } from "./programs.ts";

/** The server process of a cluster, as its postmaster.pid tells. */
export interface Postmaster {
  pid: number;
  /** Absent for the first moment of a start. */
  port: number | undefined;
}

const START_SECONDS = 120; // recovery after a crash included
const LOG_LIMIT = 10_000_000; // bytes
const LOG_LINES = 12;
const ORPHANS_MS = 10_000;
const ORPHANED_BACKENDS = "pre-existing shared memory block";

/** The living server of this cluster, started by whomever; undefined where there is none. */
export async function runningPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const text = await ifPresent(readFile(pidFile(cluster), "utf8"));
  if (text === undefined) return undefined;
  const lines = text.split("\n");
  const pid = Math.abs(Number(lines[0])); // negative: a server in single-user mode
  if (!(pid > 0) || !(await isServerOf(cluster, pid))) return undefined;
  return { pid, port: Number(lines[3]) || undefined };
}

/**
 * Starts the server and waits until it accepts connections.
 *
 * @throws with the last lines of the server's log
 */
export async function startServer(
  programs: Programs,
  cluster: string,
  account: Account | undefined,
): Promise<void> {
  await disownStalePid(cluster, account);
  await rotateLog(cluster);
  const deadline = Date.now() + ORPHANS_MS;
  for (;;) {
    const logged = (await ifPresent(stat(logFile(cluster))))?.size ?? 0;
    const args = ["start", "-D", cluster, "-l", logFile(cluster), "-t", `${START_SECONDS}`, "-w"];
    const { exitCode, output } = await run(programs.pgCtl, [...args, "-s"], account);
    if (exitCode === 0) return;
    const log = await lastLines(logFile(cluster), logged, LOG_LINES);
    // Backends that outlive a killed postmaster end by themselves as soon as they notice.
    if (!log.includes(ORPHANED_BACKENDS) || Date.now() > deadline) {
      throw new Error(`PostgreSQL did not start: ${output}\n${log}`);
    }
    await pause(50);
  }
}

/**
 * Stops the server in fast mode, disconnecting its clients, and waits until it has ended.
 *
 * @throws with the last lines of the server's log
 */
export async function stopServer(
  programs: Programs,
  cluster: string,
  account: Account | undefined,
): Promise<void> {
  const args = ["stop", "-D", cluster, "-m", "fast", "-t", `${START_SECONDS}`, "-w", "-s"];
  const { exitCode, output } = await run(programs.pgCtl, args, account);
  if (exitCode === 0 || !(await runningPostmaster(cluster))) return;
  throw new Error(`PostgreSQL did not stop: ${output}\n${await logTail(cluster)}`);
}

/** The end of the server's log. */
export const logTail = (cluster: string): Promise<string> =>
  lastLines(logFile(cluster), 0, LOG_LINES);

const pidFile = (cluster: string): string => join(cluster, "postmaster.pid");
const logFile = (cluster: string): string => join(cluster, "server.log");

/** A pid alone proves nothing: after a crash another process may have it. */
async function isServerOf(cluster: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform === "linux" && (await ifPresent(stat("/proc/self")))) {
    return (await workingFolder(pid)) === cluster; // a server works in its data folder
  }
  if (process.platform === "win32") return true; // pg_ctl tells, by the server's signal pipe
  const { output } = await run("/bin/ps", ["-p", String(pid), "-o", "command="], undefined);
  return output.includes("postgres");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}

/** Undefined for processes of others, and for zombies. */
async function workingFolder(pid: number): Promise<string | undefined> {
  try {
    return await readlink(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/**
 * PostgreSQL refuses to start while any process of its user has the pid in a leftover
 * postmaster.pid. Deleting the file would also delete its guard against backends that are still
 * alive; so only the pid is replaced, by that of pg_ctl's parent, which PostgreSQL knows to be none
 * of its own (PG_GRANDPARENT_PID in CreateLockFile).
 */
async function disownStalePid(cluster: string, account: Account | undefined): Promise<void> {
  const text = await ifPresent(readFile(pidFile(cluster), "utf8"));
  if (text === undefined) return;
  const [pid = "", ...rest] = text.split("\n");
  if (!isAlive(Number(pid))) return;
  await replaceFile(pidFile(cluster), [process.pid, ...rest].join("\n"), account);
}

async function rotateLog(cluster: string): Promise<void> {
  const log = logFile(cluster);
  if (((await ifPresent(stat(log)))?.size ?? 0) > LOG_LIMIT) await rename(log, `${log}.1`);
}
