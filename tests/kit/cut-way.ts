import { once } from "node:events";
import { asSuperuser } from "./database.ts";
import { openWay } from "./way.ts";

/**
 * How a connection is lost at a word that its client sends: before the server has it, behind that so that the
 * answer is lost, or by the end of its session.
 */
export const WAYS = ["REQUEST_LOST", "ANSWER_LOST", "SESSION_ENDED"] as const;
export type Way = (typeof WAYS)[number];

/** A way to a server on which connections are lost as a client sends a word. */
export interface CutWay extends AsyncDisposable {
  readonly url: string;
  /** Loses the next connection that sends the word. */
  cutAt(word: string, way: Way): void;
  /** Lets nothing through any more, and closes nothing. */
  standStill(): void;
}

/** Ends all sessions but those that do the same at this moment. */
const END_SESSIONS = `set application_name = 'ends others';
  select pg_terminate_backend(pid, 5000) from pg_stat_activity
  where datname = current_database() and application_name <> 'ends others'`;

/** Opens a way to a database. */
export async function openCutWay(to: string): Promise<CutWay> {
  let cut: { readonly word: string; readonly way: Way } | null = null;
  let still = false;
  const opened = await openWay(
    to,
    (client, upstream) => {
      client.on("end", () => still || client.end());
      client.on("data", async (bytes) => {
        if (still) return;
        if (cut === null || !bytes.includes(cut.word)) return void upstream.write(bytes);
        const { way } = cut;
        cut = null;
        if (way === "SESSION_ENDED") {
          await asSuperuser(to, (admin) => admin.query(END_SESSIONS));
          return void upstream.write(bytes);
        }
        if (way === "ANSWER_LOST") {
          upstream.unpipe();
          upstream.write(bytes);
          await once(upstream.resume(), "data");
        }
        for (const socket of [client, upstream]) socket.destroy();
      });
      upstream.pipe(client);
    },
    { allowHalfOpen: true },
  );
  return {
    ...opened,
    cutAt: (word, way) => {
      cut = { word, way };
    },
    standStill: () => {
      still = true;
    },
  };
}
