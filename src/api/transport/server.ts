import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { DomainError } from "../../kernel/domain-error.ts";
import type { Platform } from "../../platform.ts";
import { watchCallers } from "./caller-watch.ts";
import { clientAddresses } from "./client-address.ts";
import { httpDoor } from "./http.ts";
import type { WorkerState } from "./liveness.ts";
import { publicErrors } from "./public-error.ts";
import { openSockets, SOCKET_LIMITS, type SocketLimits } from "./sockets.ts";
import { ENDPOINT, openYoga } from "./yoga.ts";

/** The API as it listens. */
export interface Api {
  readonly port: number;
  /** Where GraphQL is answered, over HTTP: `http://127.0.0.1:4000/graphql`. */
  readonly url: string;
  /** Takes no more requests, ends subscriptions, and lets running requests finish for a while. */
  close(): Promise<void>;
}

interface ApiOptions {
  /** Overrules single limits on sockets. */
  readonly sockets?: Partial<SocketLimits>;
  /** The worker of this process, where it has one: the probes tell of it, too. */
  readonly worker?: WorkerState;
}

const FINISH_WITHIN_MS = 10_000;
const STALLED_MS = 60_000;

/**
 * Opens the API on the configured host and port (0 for any free one).
 *
 * @throws Error in one clear line, with the system's code, when the port cannot be listened on
 */
export async function openApi(platform: Platform, options: ApiOptions = {}): Promise<Api> {
  const { config, log } = platform;
  const publicErrorOf = publicErrors(log);
  const watch = watchCallers(platform);
  const addressOf = clientAddresses(config.trustedProxies);
  const yoga = openYoga(platform, { watch, publicErrorOf, addressOf });
  const limits = { ...SOCKET_LIMITS, ...options.sockets };
  const sockets = openSockets({ platform, yoga, watch, publicErrorOf, addressOf, limits });
  let closing = false;
  const server = createServer(
    // Looked at every 2 s: the default, 30 s, would let slow headers stay three times as long.
    { requestTimeout: 30_000, headersTimeout: 10_000, connectionsCheckingInterval: 2_000 },
    httpDoor({ platform, yoga, worker: options.worker ?? null, isClosing: () => closing }),
  );
  // Whoever reads nothing for so long is let go, with what waits for it. Event streams send pings.
  server.timeout = STALLED_MS;
  server.on("upgrade", sockets.upgrade);
  try {
    await listen(server, config.port, config.host);
  } catch (error) {
    watch.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${hostOf(config.host)}:${port}${ENDPOINT}`,
    close: async () => {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await sockets.close();
      watch.endAll(new DomainError("E_UNAVAILABLE", { message: "The server is going away" }));
      await finish(server, closed);
      watch.close();
      await yoga.dispose();
    },
  };
}

/** Waits until the last request is answered, or for 10 seconds; kept-alive connections are let go. */
async function finish(server: Server, closed: Promise<void>): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const late = setTimeout(() => server.closeAllConnections(), FINISH_WITHIN_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}

/** An address as a URL has it; one that means all of them is reached at the loopback. */
function hostOf(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why =
        error.code === "EADDRINUSE"
          ? `port ${port} of ${host} is in use: set PORT to a free one`
          : `cannot listen on port ${port} of ${host}: ${error.code ?? error.message}`;
      reject(Object.assign(new Error(why, { cause: error }), { code: error.code }));
    });
    server.listen(port, host, () => resolve());
  });
}
