type Stream<T> = AsyncIterableIterator<T>;

const DONE = { value: undefined, done: true } as const;

/** An iterator without a generator around it, whose `return` would wait for a pending `next`. */
function streamOf<T>(
  next: () => Promise<IteratorResult<T>>,
  end: () => Promise<void>,
): AsyncIterableIterator<T> {
  return {
    next,
    return: async () => {
      await end();
      return DONE;
    },
    throw: async (error) => {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** A stream that has nothing to say. */
export const emptyStream = <T>(): Stream<T> =>
  streamOf<T>(
    async () => DONE,
    async () => {},
  );

/** Passes on what passes the test; ends its source when it is ended, also while it waits. */
export function filterStream<T>(source: Stream<T>, passes: (value: T) => boolean): Stream<T> {
  return streamOf(
    async () => {
      for (;;) {
        const result = await source.next();
        if (result.done || passes(result.value)) return result;
      }
    },
    async () => void (await source.return?.()),
  );
}

/** Answers each value of its source by another; `ended` is called once, however the stream ends. */
export function mapStream<From, To>(
  source: Stream<From>,
  map: (value: From) => To | Promise<To>,
  ended: () => void,
): Stream<To> {
  let over = false;
  const finish = () => {
    if (!over) ended();
    over = true;
  };
  return streamOf<To>(
    async () => {
      try {
        const result = await source.next();
        if (!result.done) return { value: await map(result.value), done: false };
        finish();
        return DONE;
      } catch (error) {
        finish();
        throw error;
      }
    },
    async () => {
      finish();
      await source.return?.();
    },
  );
}

interface Ending<T> {
  /** What the last value says of a failure of the source, or of why the stream was cut off. */
  last(reason: unknown): T;
  /** Called once, however the stream ends. */
  ended(): void;
}

/** A stream that can be cut off from outside, and tells why in its last value. */
export interface EndableStream<T> {
  readonly stream: Stream<T>;
  cutOff(reason: unknown): void;
}

/** Makes a stream endable: it ends with a last value when it is cut off or its source fails. */
export function endable<T>(source: Stream<T>, { last, ended }: Ending<T>): EndableStream<T> {
  let cut: { readonly reason: unknown } | null = null;
  let over = false;
  const finish = () => {
    if (!over) ended();
    over = true;
  };
  const next = async (): Promise<IteratorResult<T>> => {
    if (over) return DONE;
    const result = await source.next().catch((reason: unknown) => {
      cut ??= { reason };
      return DONE;
    });
    if (over) return DONE;
    if (!result.done && cut === null) return result;
    finish();
    return cut === null ? DONE : { value: last(cut.reason), done: false };
  };
  const end = async () => {
    finish();
    await source.return?.();
  };
  const cutOff = (reason: unknown) => {
    cut ??= { reason };
    // Settles the pending `next`, if there is one.
    source.return?.().catch(() => undefined);
  };
  return { stream: streamOf(next, end), cutOff };
}
