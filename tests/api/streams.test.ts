import { describe, expect, test, vi } from "vitest";
import { endable, filterStream } from "../../src/api/transport/streams.ts";

/** A stream that says 1, 2 … `upTo` and then waits; ending it settles the pending `next`. */
function quietAfter(upTo: number) {
  const ended = vi.fn();
  const { promise: end, resolve } = Promise.withResolvers<IteratorResult<number>>();
  let at = 0;
  const source: AsyncIterableIterator<number> = {
    next: async () => {
      at += 1;
      return at <= upTo ? { value: at, done: false } : await end;
    },
    return: async () => {
      ended();
      resolve({ value: undefined, done: true });
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
  return { source, ended };
}

const collect = async <T>(stream: AsyncIterable<T>) => {
  const values: T[] = [];
  for await (const value of stream) values.push(value);
  return values;
};

describe("a filtered stream", () => {
  test("passes on what passes, and ends its source while it waits", async () => {
    const { source, ended } = quietAfter(4);
    const stream = filterStream(source, (value) => value % 2 === 0);
    expect([await stream.next(), await stream.next()].map(({ value }) => value)).toEqual([2, 4]);
    const pending = stream.next();
    await stream.return?.();
    expect(await pending).toEqual({ value: undefined, done: true });
    expect(ended).toHaveBeenCalledOnce();
  });
});

describe("an endable stream", () => {
  const ending = () => {
    const ended = vi.fn();
    return { ended, last: (reason: unknown) => (reason as Error).message };
  };

  test("ends while it waits, with why it was cut off", async () => {
    const { source, ended } = quietAfter(1);
    const options = ending();
    const { stream, cutOff } = endable<number | string>(source, options);
    const values = collect(stream);
    await Promise.resolve();
    cutOff(new Error("token expired"));
    expect((await values).at(-1)).toBe("token expired");
    expect(ended).toHaveBeenCalled();
    expect(options.ended).toHaveBeenCalledOnce();
  });

  test("ends with the failure of its source", async () => {
    const { source } = quietAfter(0);
    source.next = () => Promise.reject(new Error("database away"));
    const options = ending();
    const { stream } = endable<number | string>(source, options);
    expect(await collect(stream)).toEqual(["database away"]);
    expect(options.ended).toHaveBeenCalledOnce();
  });

  test("lets go of its source when its consumer leaves", async () => {
    const { source, ended } = quietAfter(0);
    const options = ending();
    const { stream } = endable<number | string>(source, options);
    const pending = stream.next();
    await stream.return?.();
    expect(await pending).toEqual({ value: undefined, done: true });
    expect(ended).toHaveBeenCalledOnce();
    expect(options.ended).toHaveBeenCalledOnce();
  });
});
