import { once } from "node:events";
import { openWay } from "./way.ts";

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

/** Opens a way to the server of the URL. */
export async function openHeldWire(to: string): Promise<HeldWire> {
  const wanted = new Map<RegExp, (held: Held) => void>();
  const way = await openWay(to, (client, upstream) => {
    upstream.on("data", (chunk) => client.write(chunk)).on("close", () => client.destroy());
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
  return {
    ...way,
    hold: (pattern) => new Promise((resolve) => wanted.set(pattern, resolve)),
  };
}
