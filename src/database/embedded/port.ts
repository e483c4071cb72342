import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";

export const HOST = "127.0.0.1" as const;

/** A port of the loopback address that nobody listens on: `preferred` where it is free. */
export async function freePort(preferred: number | undefined): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return preferred;
  return await listenOnce(0);
}

/** Answers whether nobody listens on this port of the loopback address. */
export async function isFree(port: number): Promise<boolean> {
  try {
    await listenOnce(port);
    return true;
  } catch {
    return false; // EADDRINUSE, or EACCES where the system has reserved it
  }
}

async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  server.listen({ port, host: HOST, exclusive: true });
  await once(server, "listening"); // rejects on "error"
  const { port: chosen } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return chosen;
}
