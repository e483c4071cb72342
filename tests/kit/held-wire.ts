import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A statement that a wire keeps from the server. */
export interface Held {
  /** Lets it through, behind what came meanwhile; ends when the server has answered or hung up. */
  release(): Promise<void>;
}

/** A way to a server at which statements can be stopped: what waits there was sent, and has no effect yet. */
export interface HeldWire extends AsyncDisposable {
  readonly port: number;
  /** Holds the next message that the pattern fits; every later message of that connection waits behind it. */
  hold(pattern: RegExp): Promise<Held>;
}

/** Opens a way to a server. */
export async function openHeldWire(target: {
  readonly host: string;
  readonly port: number;
}): Promise<HeldWire> {
  const wanted = new Map<RegExp, (held: Held) => void>();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    upstream.on("data", (chunk) => client.write(chunk)).on("close", () => client.destroy());
    client.on("close", () => upstream.destroy());
    client.on("data", (chunk) => {
      const text = chunk.toString("latin1");
      const pattern = [...wanted.keys()].find((each) => each.test(text));
      if (pattern === undefined) return void upstream.write(chunk);
      const tell = wanted.get(pattern);
      wanted.delete(pattern);
      client.pause();
      tell?.({
        release: async () => {
          if (upstream.closed) return;
          const answered = Promise.race([once(upstream, "data"), once(upstream, "close")]);
          upstream.write(chunk);
          client.resume();
          await answered;
        },
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    hold: (pattern) => new Promise((resolve) => wanted.set(pattern, resolve)),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
