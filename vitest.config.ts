import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { COMPILE_CACHE } from "./tests/kit/compile-cache.ts";
import SlowFirst from "./tests/kit/slow-first.ts";

export default defineConfig({
  // Vite would choose another build of graphql than Node does for the packages that build on it.
  resolve: {
    alias: [
      {
        find: /^graphql$/,
        replacement: join(import.meta.dirname, "node_modules/graphql/index.mjs"),
      },
    ],
  },
  test: {
    include: ["tests/**/*.test.ts"],
    reporters: ["default", "./tests/kit/counts-reporter.ts"],
    globalSetup: ["tests/kit/global-setup.ts"],
    // The durable engine is one object a process: each test file has a process of its own.
    pool: "forks",
    maxWorkers: 3,
    sequence: { sequencer: SlowFirst },
    env: COMPILE_CACHE,
    // Guards against what never ends, on machines that do much else.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
