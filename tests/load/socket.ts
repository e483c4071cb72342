import { WebSocket } from "ws";
import { type Connection, EVENT, type Followed, take } from "./followed.ts";

const QUERY = `subscription ($id: ID!, $after: String) {
  operationEvents(operationId: $id, after: $after) { ${EVENT} } }`;

interface Message {
  readonly id: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever arrives is looked at
  readonly payload: any;
}

/** Follows operations over one WebSocket. */
export class Socket implements Connection {
  readonly #socket: WebSocket;
  readonly #closed: Promise<void>;

  constructor(url: string, token: string, all: readonly Followed[]) {
    const socket = new WebSocket(url.replace(/^http/, "ws"), "graphql-transport-ws");
    this.#socket = socket;
    this.#closed = new Promise((resolve) => socket.on("close", () => resolve()));
    const send = (message: object) => socket.send(JSON.stringify(message));
    socket.on("error", () => {});
    socket.on("open", () =>
      send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } }),
    );
    socket.on("message", (data) => {
      const { type, id, payload } = JSON.parse(String(data)) as Message;
      if (type === "ping") send({ type: "pong" });
      if (type === "connection_ack")
        for (const { id, cursor } of all) {
          const variables = { id, after: cursor };
          send({ id, type: "subscribe", payload: { query: QUERY, variables } });
        }
      const followed = all.find((one) => one.id === id);
      if (!followed) return;
      if (type === "next" && payload.data) take(followed, payload.data.operationEvents);
      else if (type === "complete") followed.complete = true;
      else socket.terminate();
      if (all.every(({ complete }) => complete)) socket.close();
    });
  }

  stall(): void {
    this.#socket.pause();
  }

  async ended(): Promise<void> {
    this.#socket.resume();
    await this.#closed;
  }
}
