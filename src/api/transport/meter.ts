/**
 * Counts what comes within a second.
 *
 * @returns whether it is more than is let in; the first time that it is, `stop` has been called
 */
export function meter(most: number, stop: () => void): () => boolean {
  let since = 0;
  let count = 0;
  return () => {
    const now = performance.now();
    if (now - since >= 1_000) {
      since = now;
      count = 0;
    }
    count += 1;
    if (count === most + 1) stop();
    return count > most;
  };
}
