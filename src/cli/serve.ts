import { setTimeout as pause } from "node:timers/promises";
import { assemble } from "../assemble.ts";
import { type Config, readConfig } from "../config.ts";
import { ensureFirstAdmin } from "../iam/users/first-admin.ts";
import type { Worker } from "../operations/engine/engine.ts";
import { watchHistory } from "../operations/health/history/watch-history.ts";
import { announceProcess } from "../operations/health/processes.ts";
import { logMigrationFolder } from "../operations/migration-check/log-folder.ts";
import type { Platform } from "../platform.ts";
import { startPlatformWorker } from "../worker.ts";
import { runCommand } from "./session.ts";
import { EXIT, PlainFailure } from "./terminal/exit-codes.ts";
import { exitAtOnce, type Output } from "./terminal/output.ts";
import { onParentGone, onStopSignal } from "./terminal/signals.ts";

/** What a service process does: answers the API, runs operations, or both. */
export interface Duties {
  readonly api: boolean;
  readonly worker: boolean;
}

/** Running operations get this long to end when the service is stopped; others take up the rest. */
const GRACE_MS = 20_000;
/** What is left open by then is not worth waiting for. */
const LAST_MS = GRACE_MS + 10_000;

/**
 * Runs the service until it is asked to stop, then drains: the API takes no more and ends its
 * subscriptions, running operations get 20 s, and everything is let go of. A second signal exits at
 * once.
 */
export async function serve(duties: Duties): Promise<void> {
  return await runCommand({}, async (out) => {
    const stop = Promise.withResolvers<string>();
    onStopSignal((count, signal) => {
      if (count > 1) void exitAtOnce(EXIT.failed);
      stop.resolve(signal);
    });
    await using parts = new AsyncDisposableStack();
    const config = readConfig();
    if (config.runByNpm) onParentGone(() => stop.resolve("npm has ended"));
    await open(config, duties, out, parts);
    const signal = await stop.promise;
    out.line(`Stopping (${signal}): running operations get up to ${GRACE_MS / 1_000} s.`);
    giveUpLater(out);
    await parts.disposeAsync();
    out.line("Stopped.");
    return EXIT.ok;
  });
}

async function open(
  config: Config,
  duties: Duties,
  out: Output,
  parts: AsyncDisposableStack,
): Promise<void> {
  const platform = await assemble(config);
  parts.defer(() => platform.close());
  for (const warning of config.warnings) platform.log.warn(warning);
  const duty = duties.api ? (duties.worker ? "API and worker" : "API") : "worker";
  parts.defer(announceProcess(platform, duty));
  // Before anybody is let in, and before anything is mended.
  parts.defer(await watchHistory(platform));
  const told = logMigrationFolder(platform.log, config.tenantMigrations);
  if (duties.api) await tellFirstAdmin(platform, out);
  let worker: Worker | undefined;
  if (duties.worker) {
    worker = await startPlatformWorker(platform);
    parts.defer(() => worker?.stop(GRACE_MS));
  }
  if (!duties.api && worker && config.workerPort !== undefined) {
    const probes = await openWorkerProbes(platform, worker, config.workerPort);
    parts.defer(() => probes.close());
    out.line(`Probes of the worker: http://${config.host}:${probes.port}/healthz and /readyz`);
  }
  if (duties.api) {
    const api = await openDoor(platform, worker);
    parts.defer(() => api.close());
    out.line(`Tenantry listens on ${api.url}`);
  }
  if (!duties.worker) out.line("Operations wait until a worker runs: tenantry worker");
  else out.line(duties.api ? "A worker runs in this process." : "Tenantry worker runs.");
  if (config.database.kind === "embedded") out.line(`Data directory: ${config.dataDir}`);
  await told;
  out.line("Ctrl-C stops it.");
}

async function openDoor(platform: Platform, worker: Worker | undefined) {
  const { openApi } = await import("../api/transport/server.ts");
  return await openApi(platform, worker ? { worker } : {}).catch(inOneLine);
}

async function openWorkerProbes(platform: Platform, worker: Worker, port: number) {
  const { openProbeServer } = await import("../api/transport/probes.ts");
  return await openProbeServer(platform, worker, { host: platform.config.host, port }).catch(
    inOneLine,
  );
}

/** What the system refused (EADDRINUSE, EACCES, …) comes as one clear line. */
function inOneLine(error: unknown): never {
  if (error instanceof Error && "code" in error) throw new PlainFailure(error.message);
  throw error;
}

async function tellFirstAdmin({ orm, clock, config }: Platform, out: Output): Promise<void> {
  const created = await ensureFirstAdmin({ em: orm.em, clock }, config.firstAdmin);
  if (created === null) return;
  const { email, oneTimePassword } = created;
  const secret =
    oneTimePassword === null
      ? ["password           as PLATFORM_ADMIN_PASSWORD says"]
      : [`one-time password  ${oneTimePassword}`];
  const next =
    oneTimePassword === null
      ? ["Sign in with the mutation signIn."]
      : [
          "Shown this once; expires in 72 hours. Change it with the mutation",
          "changePassword, which signs you in. Lost it? Make a new one with",
          `tenantry seed platform-superuser --email ${email}`,
        ];
  writeBox(out, ["First administrator", "", `email              ${email}`, ...secret, "", ...next]);
}

function writeBox(out: Output, lines: readonly string[]): void {
  const width = Math.max(...lines.map((line) => line.length));
  out.line(`┌${"─".repeat(width + 2)}┐`);
  for (const line of lines) out.line(`│ ${line.padEnd(width)} │`);
  out.line(`└${"─".repeat(width + 2)}┘`);
}

/** Ends the process when the drain itself hangs; the operations are taken up by other workers. */
function giveUpLater(out: Output): void {
  void pause(LAST_MS, undefined, { ref: false }).then(() => {
    out.note("Some parts did not end in time.");
    return exitAtOnce(EXIT.failed);
  });
}
