// Followers that take the first events and then stop reading, in a process of their own. Told to resume,
// each reads what was sent, comes again where it was let go, and tells how whole its events are.

import { setTimeout as delay } from "node:timers/promises";
import { EventStream } from "./event-stream.ts";
import type { Connection, Followed } from "./followed.ts";
import { Socket } from "./socket.ts";

export type Door = "sockets" | "streams";

export interface Crowd {
  readonly url: string;
  readonly tokens: readonly string[];
  readonly door: Door;
  readonly size: number;
  /** Operations: a socket follows two of them, a stream one. */
  readonly ids: readonly string[];
}

export interface CrowdEnd {
  /** What was lost or doubled. */
  readonly wrong: readonly string[];
  /** How often somebody had to come again. */
  readonly reconnects: number;
}

class Follower {
  readonly all: Followed[];
  readonly #open: (followed: readonly Followed[]) => Connection;
  #connection: Connection;
  reconnects = 0;

  constructor(ids: readonly string[], open: (followed: readonly Followed[]) => Connection) {
    this.all = ids.map((id) => ({ id, seen: [], cursor: null, complete: false }));
    this.#open = open;
    this.#connection = open(this.all);
  }

  async stall(): Promise<void> {
    while (this.all.some(({ seen }) => seen.length === 0)) await delay(50);
    this.#connection.stall();
  }

  async resume(): Promise<void> {
    for (;;) {
      await this.#connection.ended();
      const open = this.all.filter(({ complete }) => !complete);
      if (open.length === 0) return;
      this.reconnects += 1;
      await delay(200 + Math.random() * 1_000);
      this.#connection = this.#open(open);
    }
  }
}

const faultOf = ({ id, seen }: Followed): string[] =>
  seen.length > 5 && seen.every((sequence, at) => sequence === at + 1) ? [] : [`${id}: ${seen}`];

process.once("message", async ({ url, tokens, door, size, ids }: Crowd) => {
  const followers = Array.from({ length: size }, (_, at) => {
    const token = tokens[at % tokens.length] ?? "";
    const own = [ids[at % ids.length], ids[(at + ids.length / 2) % ids.length]] as string[];
    return door === "sockets"
      ? new Follower(own, (followed) => new Socket(url, token, followed))
      : new Follower(own.slice(0, 1), (followed) => new EventStream(url, token, followed));
  });
  await Promise.all(followers.map((follower) => follower.stall()));
  process.send?.("stalled");
  process.once("message", async () => {
    await Promise.all(followers.map((follower) => follower.resume()));
    const wrong = followers.flatMap(({ all }) => all.flatMap(faultOf));
    const reconnects = followers.reduce((sum, follower) => sum + follower.reconnects, 0);
    process.send?.({ wrong, reconnects } satisfies CrowdEnd);
  });
});
process.on("disconnect", () => process.exit(0));
