import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

/** A real mail server of a test, which keeps what it accepts. */
export interface TestSmtp extends AsyncDisposable {
  readonly port: number;
  /** The messages as they came over the wire, the oldest first. */
  readonly received: string[];
}

/** The error that a mail server answers a command with. */
export const reply = (responseCode: number, words: string): Error =>
  Object.assign(new Error(words), { responseCode });

/** Opens a mail server; without options it takes everything, in plain text and from anybody. */
export async function openSmtp(options: SMTPServerOptions = {}, port = 0): Promise<TestSmtp> {
  const received: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    disableReverseLookup: true,
    closeTimeout: 100,
    onData: (stream, _session, done) => {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        received.push(Buffer.concat(parts).toString());
        done();
      });
    },
    ...options,
  });
  // A client that gives up breaks its connection.
  server.on("error", () => {});
  server.listen(port, "127.0.0.1");
  await once(server.server, "listening");
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** A server of a test that says what the test wants, and keeps the lines that it is sent. */
export interface TestTalker extends AsyncDisposable {
  readonly port: number;
  readonly lines: string[];
}

/** Opens one; `greet` is called with each connection, `answer` with each line. */
export async function openTalker(
  greet: (socket: Socket) => void,
  answer: (line: string, socket: Socket) => void = () => {},
): Promise<TestTalker> {
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let rest = "";
    socket.on("data", (part) => {
      const whole = `${rest}${part}`.split("\r\n");
      rest = whole.pop() ?? "";
      for (const line of whole) {
        lines.push(line);
        answer(line, socket);
      }
    });
    greet(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    lines,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
