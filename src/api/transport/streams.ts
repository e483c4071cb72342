import { promptIterator } from "../../kernel/iterator.ts";

type Stream<T> = AsyncIterableIterator<T>;

const DONE = { value: undefined, done: true } as const;

/** A stream that has nothing to say. */
export const emptyStream = <T>(): Stream<T> =>
  promptIterator<T>(
    async () => DONE,
    () => {},
  );

/** Passes on what passes the test; ends its source when it is ended, also while it waits. */
export function filterStream<T>(source: Stream<T>, passes: (value: T) => boolean): Stream<T> {
  return promptIterator(
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
  return promptIterator<To>(
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
  return { stream: promptIterator(next, end), cutOff };
}
