import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";

/**
 * Opens something for all tests of a file, or of the `describe` that this is called in, and disposes of
 * it behind them. What stands in one file is opened in the order of the lines, and disposed of in reverse.
 *
 * @returns what stands for it from the first test on
 */
export function perFile<T extends object>(open: () => Promise<T> | T): T {
  const lease = new Lease(open);
  beforeAll(() => lease.begin());
  afterAll(() => lease.end());
  return lease.handle;
}

/** The same, afresh for each test. */
export function perTest<T extends object>(open: () => Promise<T> | T): T {
  const lease = new Lease(open);
  beforeEach(() => lease.begin());
  afterEach(() => lease.end());
  return lease.handle;
}

/** Stops the date, since machines can be slow: a wait is over when the test lets time pass. */
export function stopDate(): AsyncDisposable {
  vi.useFakeTimers({ toFake: ["Date"] });
  return { [Symbol.asyncDispose]: async () => void vi.useRealTimers() };
}

/** Something that is opened and closed, with a handle that can be handed out before. */
class Lease<T extends object> {
  readonly #open: () => Promise<T> | T;
  #opened: T | null = null;

  constructor(open: () => Promise<T> | T) {
    this.#open = open;
  }

  /** Passes everything on to what is open now. */
  readonly handle = new Proxy({} as T, {
    get: (_none, name) => {
      const value: unknown = Reflect.get(this.#now, name, this.#now);
      return typeof value === "function" ? value.bind(this.#now) : value;
    },
    set: (_none, name, value) => Reflect.set(this.#now, name, value),
    ownKeys: () => Reflect.ownKeys(this.#now),
    getOwnPropertyDescriptor: (_none, name) => Reflect.getOwnPropertyDescriptor(this.#now, name),
  });

  get #now(): T {
    if (this.#opened === null) throw new Error("Nothing is open: this is for tests and hooks");
    return this.#opened;
  }

  async begin(): Promise<void> {
    this.#opened = await this.#open();
  }

  async end(): Promise<void> {
    const opened: (T & Partial<AsyncDisposable>) | null = this.#opened;
    this.#opened = null;
    await opened?.[Symbol.asyncDispose]?.();
  }
}
