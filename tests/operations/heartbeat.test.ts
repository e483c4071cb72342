import { expect, test, vi } from "vitest";
import { startHeartbeat } from "../../src/operations/engine/heartbeat.ts";

test("a heartbeat whose thread dies again and again is told to be broken", async () => {
  const told: unknown[] = [];
  const heartbeat = startHeartbeat({
    // The thread cannot even begin.
    url: "nowhere",
    executorId: "a worker",
    beatMs: 500,
    timeToLiveMs: 2_000,
    hungMs: 30_000,
    onFrozen: () => {},
    onMissing: () => {},
    onError: (error) => told.push(error),
  });
  try {
    expect(heartbeat.isBroken()).toBe(false);
    await vi.waitUntil(() => heartbeat.isBroken(), { timeout: 50_000 });
    expect(told.length).toBeGreaterThanOrEqual(5);
  } finally {
    await heartbeat.stop();
  }
});
