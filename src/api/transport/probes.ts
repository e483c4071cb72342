import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { Platform } from "../../platform.ts";
import { type Answer, send, whenKnown } from "./answer.ts";
import { openLiveness, type WorkerState } from "./liveness.ts";
import { openReadiness } from "./readiness.ts";

/** Answers a path of the probes. */
export type Probes = (path: string | undefined, res: ServerResponse) => boolean;

interface ProbeOptions {
  readonly platform: Platform;
  /** The worker of this process, where it has one. */
  readonly worker: WorkerState | null;
  /** Whether the process is about to end, so that no more requests should be sent to it. */
  isClosing(): boolean;
}

/**
 * Answers `/healthz` and `/readyz`.
 *
 * @returns what answers one of them, and says whether it did
 */
export function openProbes({ platform, worker, isClosing }: ProbeOptions): Probes {
  const notReady = openReadiness(platform, worker);
  const fault = openLiveness(platform, worker);
  const readiness = async (): Promise<Answer> => {
    const missing = isClosing()
      ? { code: "E_UNAVAILABLE", part: "process", message: "It is about to end." }
      : await notReady();
    if (missing === null) return { status: 200, body: { status: "ready", ...warningOf(platform) } };
    return { status: 503, body: { status: "unavailable", ...missing } };
  };
  return (path, res) => {
    if (path === "/readyz") whenKnown(res, readiness);
    else if (path !== "/healthz") return false;
    else {
      const found = fault();
      if (found === null) send(res, 200, { status: "ok" });
      else send(res, 503, { status: "stuck", fault: found });
    }
    return true;
  };
}

/**
 * What only a person mends makes no process unready: every one is in the same state, and each answers
 * callers with what is to be done.
 */
const warningOf = ({ history }: Pick<Platform, "history">) =>
  history.loss === null ? {} : { warning: "E_HISTORY_LOST" satisfies ErrorCode };

/** Where a process without an API answers its probes. */
export interface ProbeServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Answers the probes of a process that has no API.
 *
 * @throws Error with the system's code when the port cannot be listened on
 */
export async function openProbeServer(
  platform: Platform,
  worker: WorkerState,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<ProbeServer> {
  let closing = false;
  const probes = openProbes({ platform, worker, isClosing: () => closing });
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (req, res) => {
    const path = (req.url ?? "/").split("?", 1)[0];
    const known = (req.method === "GET" || req.method === "HEAD") && probes(path, res);
    if (!known) send(res, 404, { error: "Here are /healthz and /readyz" });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      closing = true;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
