/** Something that must come to an end and does not. */
class NeverEnds extends Error {
  override readonly name = "NeverEnds";
}

/** A machine that does much else can be slow; an operation that waits for ever is found all the same. */
const PATIENCE_MS = 300_000;

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Asks until there is an answer.
 *
 * @throws NeverEnds
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | null>,
  { atMostMs = PATIENCE_MS, whenLate = async () => "" } = {},
): Promise<T> {
  const end = performance.now() + atMostMs;
  while (performance.now() < end) {
    const answer = await ask();
    if (answer !== null) return answer;
    await pause(60);
  }
  throw new NeverEnds(`${what} within ${atMostMs / 1000} s\n${await whenLate()}`.trim());
}

/** Bounds a wait. @throws NeverEnds */
export async function within<T>(what: string, atMostMs: number, wait: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new NeverEnds(`${what} within ${atMostMs / 1000} s`)),
    atMostMs,
  );
  try {
    return await Promise.race([wait, promise]);
  } finally {
    clearTimeout(timer);
  }
}
