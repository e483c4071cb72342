import { openWay } from "./way.ts";

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
  let wanted: string | null = null;
  let lost = 0;
  const way = await openWay(to, (client, upstream) => {
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
    upstream.on("close", () => client.destroy());
  });
  return {
    ...way,
    loseCommitAfter: (text) => {
      wanted = text;
    },
    get lost() {
      return lost;
    },
  };
}
