import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { DEMO, makeDataDir, start } from "./_run.ts";

test("the demo provisions a tenant and signs in to it, again and again", async () => {
  const dataDir = await makeDataDir();
  try {
    for (const slug of ["acme", "acme-2"]) {
      const { end, stdout, stderr } = await start([DEMO], { DATA_DIR: dataDir }).ended;
      expect({ end, stderr }).toEqual({ end: 0, stderr: "" });
      expect(stdout).toMatch(/✔ MIGRATIONS_APPLIED/);
      expect(stdout).toContain(`ada@${slug}.example`);
      expect(stdout).toMatch(/role login +works/);
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
