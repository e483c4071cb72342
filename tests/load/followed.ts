/** An event as followers ask for it: with more than fits into the buffers of sockets, over some of them. */
export const EVENT = `cursor sequence operation { id kind state dryRun slug createdAt startedAt
  error { code message phase nextAction } phases { name state completed total attempt note
  startedAt finishedAt error { code message nextAction } } tenant { id slug name status createdAt } }`;

/** What one follower has of one operation. */
export interface Followed {
  readonly id: string;
  readonly seen: number[];
  cursor: string | null;
  complete: boolean;
}

/** Notes an event. */
export function take(followed: Followed, event: { cursor: string; sequence: number }): void {
  followed.seen.push(event.sequence);
  followed.cursor = event.cursor;
}

/** One follower's connection. */
export interface Connection {
  /** Stops reading. */
  stall(): void;
  /** Reads on; answers when the connection has ended. */
  ended(): Promise<void>;
}
