type Settle<T> = PromiseWithResolvers<IteratorResult<T>>;

/** Turns values that are pushed into an iterator that waits for them. */
export class Queue<T> {
  #values: T[] = [];
  #waiting: Settle<T>[] = [];
  #ended: { readonly error: unknown } | null = null;

  push(value: T): void {
    if (this.#ended) return;
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve({ value, done: false });
    else this.#values.push(value);
  }

  /** Ends the iterator after what was pushed. */
  end(): void {
    this.fail(null);
  }

  /** Ends the iterator after what was pushed, with an error. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = { error };
    for (const waiting of this.#waiting.splice(0)) this.#settle(waiting);
  }

  /** The iterator; only one can be had. `stop` is called when it is left early. */
  iterate(stop: () => void): AsyncIterableIterator<T> {
    const leave = async (): Promise<IteratorResult<T>> => {
      this.#values = [];
      this.end();
      stop();
      return { value: undefined, done: true };
    };
    return {
      next: () => {
        const waiting: Settle<T> = Promise.withResolvers();
        const [value] = this.#values;
        if (this.#values.length > 0) {
          this.#values.shift();
          waiting.resolve({ value: value as T, done: false });
        } else if (this.#ended) this.#settle(waiting);
        else this.#waiting.push(waiting);
        return waiting.promise;
      },
      return: leave,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** The error is thrown once; after it the iterator is merely over. */
  #settle(waiting: Settle<T>): void {
    const error = this.#ended?.error ?? null;
    this.#ended = { error: null };
    if (error === null) waiting.resolve({ value: undefined, done: true });
    else waiting.reject(error);
  }
}
