import { join } from "node:path";
import { defineConfig } from "vitest/config";

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
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
