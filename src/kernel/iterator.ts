const DONE = { value: undefined, done: true } as const;

/**
 * Makes an iterator whose `return` settles a pending `next` at once. (An async generator's `return`
 * waits for its pending await, which for a quiet source never comes.)
 *
 * @param end lets go of what is behind it; called whenever the iterator is left
 */
export function promptIterator<T>(
  next: () => Promise<IteratorResult<T>>,
  end: () => Promise<void> | void,
): AsyncIterableIterator<T> {
  let over = false;
  let leave = () => {};
  const finish = async () => {
    over = true;
    leave();
    await end();
  };
  return {
    next: async () => {
      if (over) return DONE;
      const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<T>>();
      leave = () => resolve(DONE);
      // Nobody waits any more for what fails behind whoever has left.
      next().then(resolve, reject);
      return await promise;
    },
    return: async () => {
      await finish();
      return DONE;
    },
    throw: async (error) => {
      await finish();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
