/** What a follower is woken with: the operations or tenants that changed, or that anything may have. */
export interface WakeUp {
  readonly ids: readonly string[];
  /** Something may have been missed: check everything. */
  readonly everything: boolean;
}

/** More than this and the follower checks everything instead of each. */
const REMEMBERED = 1_000;

/**
 * One follower's bounded wake-up: it remembers which rows changed since it last read, never
 * what changed, so a follower that stops reading costs a set of ids and nobody else anything.
 */
export class Signal {
  #ids = new Set<string>();
  #everything = false;
  #closed = false;
  #waiting: ((wakeUp: WakeUp | null) => void) | undefined;

  /** Wakes the follower for one row. */
  wake(id: string): void {
    if (this.#ids.size < REMEMBERED) this.#ids.add(id);
    else this.#everything = true;
    this.#settle();
  }

  /** Wakes the follower to check everything. */
  wakeAll(): void {
    this.#everything = true;
    this.#settle();
  }

  /** Ends the follower: a pending `next` answers null, and so does every later one. */
  close(): void {
    this.#closed = true;
    this.#waiting?.(null);
    this.#waiting = undefined;
  }

  /** Answers what woke it, as soon as something does; null once it is closed. */
  next(): Promise<WakeUp | null> {
    if (this.#closed) return Promise.resolve(null);
    if (this.#ids.size > 0 || this.#everything) return Promise.resolve(this.#take());
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #settle(): void {
    if (!this.#waiting) return;
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve(this.#take());
  }

  #take(): WakeUp {
    const wakeUp = { ids: [...this.#ids], everything: this.#everything };
    this.#ids = new Set();
    this.#everything = false;
    return wakeUp;
  }
}
