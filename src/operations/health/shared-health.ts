import { setImmediate } from "node:timers/promises";
import pLimit from "p-limit";
import { RateLimitedError } from "../../kernel/domain-error.ts";

const AT_ONCE = 2;
const MOST_WAITING = 20;
const TRY_AGAIN_S = 5;

/**
 * Bounds examinations of tenants or db servers, which cost every db server some queries: two at once in a process, and
 * callers of the same one share it, unless it has begun: it may be older than what they have done.
 *
 * @param examine examines the one of a slug or name, or all
 * @returns the same; throws RateLimitedError when too many wait
 */
export function shareHealth<T>(
  examine: (slug?: string) => Promise<T>,
): (slug?: string) => Promise<T> {
  const limit = pLimit(AT_ONCE);
  const waiting = new Map<string, Promise<T>>();
  return (slug) => {
    const name = slug ?? "";
    const shared = waiting.get(name);
    if (shared) return shared;
    if (waiting.size >= MOST_WAITING) return Promise.reject(new RateLimitedError(TRY_AGAIN_S));
    const next = setImmediate().then(() =>
      limit(() => {
        waiting.delete(name);
        return examine(slug);
      }),
    );
    waiting.set(name, next);
    return next;
  };
}
