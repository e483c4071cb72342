import { once } from "node:events";
import { connect, createServer } from "node:net";

/** A way to a database on which single answers are lost. */
export interface LossyWay extends AsyncDisposable {
  readonly url: string;
  /** Loses the answer to the next COMMIT of a connection that has sent this text before, and cuts that connection. */
  loseCommitAfter(text: string): void;
  /** How many answers were lost. */
  readonly lost: number;
}

/** Opens a way to the database of the URL. */
export async function openLossyWay(to: string): Promise<LossyWay> {
  const target = new URL(to);
  let wanted: string | null = null;
  let lost = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) socket.on("error", () => {});
    let marked = false;
    let losing = false;
    client.on("data", (bytes) => {
      if (wanted !== null && bytes.includes(wanted)) marked = true;
      if (marked && wanted !== null && bytes.includes("COMMIT")) {
        losing = true;
        wanted = null;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (!losing) return void client.write(bytes);
      lost += 1;
      for (const socket of [client, upstream]) socket.destroy();
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = new URL(to);
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" ? address?.port : 0);
  return {
    url: url.href,
    loseCommitAfter: (text) => {
      wanted = text;
    },
    get lost() {
      return lost;
    },
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}
