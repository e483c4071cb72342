import { expect, test } from "vitest";
import { startPlatformWorker } from "../../src/worker.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";

const NEVER_MS = 86_400_000;

test("a worker hears of an operation as it is started, and runs it without looking for it", async () => {
  await using world = await openPlatform();
  const worker = await startPlatformWorker(world.platform, { lookEveryMs: NEVER_MS });
  try {
    for (const _ of ["first", "second"]) {
      const { operation } = await provision(world.platform, { seeds: [] });
      expect(operation.state).toBe("SUCCEEDED");
    }
  } finally {
    await worker.stop(2_000);
  }
});
