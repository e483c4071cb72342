import type { Logger } from "../../observability/logger.ts";

const MINUTE_MS = 60_000;
const TOLD_A_MINUTE = 10;

/** Whether a page of this origin may call the API: its own, and those of CORS_ORIGINS. */
export type IsAllowedOrigin = (origin: string, host: string | null | undefined) => boolean;

/**
 * Makes the judge of origins. Whoever has set CORS_ORIGINS wrong finds each refused one in the log; ten
 * a minute, since anybody can send them.
 */
export function judgeOrigins(
  log: Pick<Logger, "warn">,
  allowed: readonly string[],
): IsAllowedOrigin {
  let minute = 0;
  let told = 0;
  return (origin, host) => {
    if (origin === `http://${host}` || origin === `https://${host}`) return true;
    if (allowed.includes(origin)) return true;
    const now = Math.floor(Date.now() / MINUTE_MS);
    if (now !== minute) [minute, told] = [now, 0];
    told += 1;
    if (told <= TOLD_A_MINUTE)
      log.warn({ origin: origin.slice(0, 200) }, "origin refused: CORS_ORIGINS does not name it");
    return false;
  };
}
