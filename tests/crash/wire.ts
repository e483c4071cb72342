import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { Session, Strike, Units } from "./units.ts";

/** A proxy between one worker and PostgreSQL. */
export interface Wire extends AsyncDisposable {
  readonly port: number;
}

/** Opens one that tells its requests to `units`, and does what that answers. */
export async function openWire(
  { host, port }: { readonly host: string; readonly port: number },
  units: Units,
): Promise<Wire> {
  const links = new Set<Link>();
  const server = createServer({ noDelay: true }, (client) => {
    const link = new Link(client, connect({ host, port, noDelay: true }), units);
    links.add(link);
    client.once("close", () => links.delete(link));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      for (const link of links) link.end();
      server.close();
    },
  };
}

/** Splits a stream into the messages of the protocol: a letter, a length, a body. */
class Messages {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    let rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const whole: Buffer[] = [];
    while (rest.length >= 5) {
      const length = 1 + rest.readInt32BE(1);
      if (rest.length < length) break;
      whole.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    this.#rest = rest;
    return whole;
  }
}

const typeOf = (message: Buffer): string => String.fromCharCode(message[0] ?? 0);
const READY = "Z";

/** One connection. Until the server is ready for the first query everything passes. */
class Link {
  readonly #client: Socket;
  readonly #backend: Socket;
  readonly #units: Units;
  readonly #asked = new Messages();
  readonly #answered = new Messages();
  readonly #session: Session = { counted: true };
  #ready = false;
  #batch: Buffer[] = [];
  /** What is not answered any more. */
  #lost: Strike | null = null;

  constructor(client: Socket, backend: Socket, units: Units) {
    this.#client = client;
    this.#backend = backend;
    this.#units = units;
    client.on("data", (chunk: Buffer) => this.#ask(chunk));
    backend.on("data", (chunk: Buffer) => this.#answer(chunk));
    for (const socket of [client, backend]) {
      socket.on("error", () => this.end());
      socket.on("close", () => this.end());
    }
  }

  end(): void {
    this.#client.destroy();
    this.#backend.destroy();
    // The server has ended the session while its last answer was waited for.
    this.#strikeLost();
  }

  #ask(chunk: Buffer): void {
    if (!this.#ready) {
      this.#backend.write(chunk);
      return;
    }
    for (const message of this.#asked.push(chunk)) {
      this.#batch.push(message);
      if (!["Q", "S", "X"].includes(typeOf(message))) continue;
      const batch = this.#batch;
      this.#batch = [];
      this.#send(batch);
    }
  }

  #send(batch: readonly Buffer[]): void {
    const bytes = Buffer.concat(batch);
    const isEnd = typeOf(bytes) === "X";
    const strike = isEnd ? null : this.#units.next(this.#session, textOf(batch), bytes.toString());
    switch (strike?.way) {
      case "kill-before":
        strike.happened();
        return;
      case "freeze":
      case "late":
        strike.happened(() => this.#backend.write(bytes));
        return;
      case "kill-after":
      case "cut":
        this.#lost = strike;
    }
    this.#backend.write(bytes);
  }

  #answer(chunk: Buffer): void {
    const isReady = this.#answered.push(chunk).some((message) => typeOf(message) === READY);
    if (this.#lost) {
      if (isReady) this.#strikeLost();
      return;
    }
    this.#ready ||= isReady;
    this.#client.write(chunk);
  }

  #strikeLost(): void {
    const strike = this.#lost;
    this.#lost = null;
    strike?.happened();
    if (strike?.way === "cut") this.end();
  }
}

/** The statement of a batch. */
function textOf(batch: readonly Buffer[]): string {
  for (const message of batch) {
    if (typeOf(message) === "Q") return message.toString("utf8", 5, message.length - 1);
    if (typeOf(message) !== "P") continue;
    const query = message.indexOf(0, 5) + 1;
    return message.toString("utf8", query, message.indexOf(0, query));
  }
  return batch.map(typeOf).join("");
}
