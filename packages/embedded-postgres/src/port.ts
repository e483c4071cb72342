import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

export const HOST = "127.0.0.1" as const;

/** Below those that systems give to outgoing connections, which would take it while its server is down. */
const PORTS = { from: 20_000, below: 32_768 };
const TRIES = 100;

/**
 * A port of the loopback address that nobody listens on: `preferred` where it is free, and otherwise
 * one that stays free for a server that stops and starts again.
 *
 * @throws Error when none is found
 */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return preferred;
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(PORTS.from, PORTS.below);
    if (await isFree(port)) return port;
  }
  throw new Error(`No port of ${HOST} from ${PORTS.from} on was free`);
}

/** Answers whether nobody listens on this port of the loopback address. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen({ port, host: HOST, exclusive: true });
  try {
    await once(server, "listening"); // rejects on "error"
  } catch {
    return false; // EADDRINUSE, or EACCES where the system has reserved it
  }
  server.close();
  await once(server, "close");
  return true;
}
