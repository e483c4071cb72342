import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server that a test interferes with. */
export interface Way extends AsyncDisposable {
  readonly port: number;
  /** The server's URL, by this way. */
  readonly url: string;
}

/**
 * Opens a way to the server of a URL; the connection to the server is closed as the client's closes.
 *
 * @param between called for each connection: carries what both ends send, and the end of the server's
 * @param allowHalfOpen whether `between` answers a client that has ended
 */
export async function openWay(
  to: string,
  between: (client: Socket, upstream: Socket) => void,
  { allowHalfOpen = false } = {},
): Promise<Way> {
  const target = new URL(to);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen }, (client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    client.on("close", () => upstream.destroy());
    between(client, upstream);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = new URL(to);
  url.host = `127.0.0.1:${port}`;
  return {
    port,
    url: url.href,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
