import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A pooler in session mode, as PgBouncer behaves at the start of a session. */
export interface SessionPooler extends AsyncDisposable {
  readonly port: number;
}

/** What PgBouncer keeps track of by itself. */
const KNOWN = ["user", "database", "application_name", "client_encoding", "datestyle", "timezone"];

/**
 * Opens one in front of a server.
 *
 * @param others what it does with other start-up parameters, as `ignore_startup_parameters` says
 */
export async function openSessionPooler(
  url: string,
  others: "REFUSED" | "IGNORED",
): Promise<SessionPooler> {
  const { hostname, port } = new URL(url);
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", (startup: Buffer) => {
      const { known, unknown } = parametersOf(startup);
      if (unknown !== undefined && others === "REFUSED") {
        socket.end(refusal(`unsupported startup parameter: ${unknown}`));
        return;
      }
      const backend = connect(Number(port), hostname);
      sockets.push(backend);
      backend.on("error", () => socket.destroy());
      backend.write(startupOf(known));
      socket.pipe(backend).pipe(socket);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

type Parameters = readonly (readonly [string, string])[];

/** Reads a start-up message: its length, the protocol's version, names and values. */
function parametersOf(startup: Buffer): { known: Parameters; unknown: string | undefined } {
  const words = startup.subarray(8).toString().split("\0");
  const all = words.flatMap((name, at) =>
    at % 2 === 0 && name !== "" ? [[name, words[at + 1] ?? ""] as const] : [],
  );
  const known = all.filter(([name]) => KNOWN.includes(name));
  return { known, unknown: all.find(([name]) => !KNOWN.includes(name))?.[0] };
}

function startupOf(parameters: Parameters): Buffer {
  const body = Buffer.from(`${parameters.flat().join("\0")}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(3 << 16, 4);
  return Buffer.concat([head, body]);
}

function refusal(message: string): Buffer {
  const body = Buffer.from(`SFATAL\0C08P01\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
