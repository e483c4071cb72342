import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { shareHealth } from "../../src/operations/health/shared-health.ts";

test("two look at once, who asks for the same shares the next look, and too many are refused", async () => {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const look = shareHealth(async (slug = "all") => {
    begun.push(slug);
    await new Promise<void>((resolve) => ends.push(resolve));
    if (slug === "bad") throw new Error("nobody of that name");
    return begun.length;
  });
  const [first, same] = [look("a"), look("a")];
  expect(same).toBe(first);
  const second = look("bad");
  await turn();
  expect(begun).toEqual(["a", "bad"]);
  // The look that has begun may be older than what the caller has done since.
  const later = look("a");
  expect(later).not.toBe(first);
  const all = look();
  const others = Array.from({ length: 18 }, (_none, at) => look(`other-${at}`));
  await expect(look("one-more")).rejects.toMatchObject({ code: "E_RATE_LIMITED" });
  expect(look("a")).toBe(later);
  ends[0]?.();
  expect(await first).toBe(2);
  ends[1]?.();
  await expect(second).rejects.toThrow("nobody of that name");
  await turn();
  expect(begun.slice(2)).toEqual(["a", "all"]);
  for (let at = 2; at < 22; at += 1) {
    ends[at]?.();
    await turn();
    await turn();
  }
  await Promise.all([later, all, ...others]);
  expect(begun).toHaveLength(22);
});
