import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import pg from "pg";

/** A pooler in transaction mode: each transaction of a client runs on whichever backend is free. */
export interface TransactionPooler extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

type Bytes = Buffer<ArrayBufferLike>;

/** The driver's client with its socket, whose login is done. */
interface Backend {
  readonly client: pg.Client;
  readonly socket: Socket;
}

const message = (type: string, body: Bytes): Bytes => {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const READY = message("Z", Buffer.from("I"));
const WELCOME = Buffer.concat([message("R", Buffer.alloc(4)), READY]);

/** Whether these bytes end a transaction: their last message is "ready", and idle. */
const endsTransaction = (bytes: Bytes): boolean => bytes.subarray(-READY.length).equals(READY);

/** Opens one in front of a server. It lets everybody in, and reads no message but "ready". */
export async function openTransactionPooler(url: string): Promise<TransactionPooler> {
  const backends: Backend[] = [];
  const idle: Backend[] = [];
  const lend = async (): Promise<Backend> => {
    const free = idle.pop();
    if (free) return free;
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => {});
    await client.connect();
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    stream.removeAllListeners("data");
    const backend = { client, socket: stream };
    backends.push(backend);
    return backend;
  };
  const server = createServer((socket) => {
    let lent: Promise<Backend> | undefined;
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(WELCOME);
      socket.on("data", async (bytes: Bytes) => {
        if (bytes[0] === 0x58) return socket.end(); // Terminate
        lent ??= lend().then((backend) => {
          backend.socket.removeAllListeners("data");
          backend.socket.on("data", (answer: Bytes) => {
            if (endsTransaction(answer)) {
              lent = undefined;
              idle.push(backend);
            }
            socket.write(answer);
          });
          return backend;
        });
        (await lent).socket.write(bytes);
      });
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    host: "127.0.0.1",
    port: typeof address === "object" && address ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const { socket } of backends) socket.destroy();
    },
  };
}
