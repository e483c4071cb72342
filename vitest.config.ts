import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { COMPILE_CACHE } from "./tests/kit/compile-cache.ts";
import { relayTags } from "./tests/kit/relay-tags.ts";
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
  plugins: [relayTags],
  test: {
    include: ["tests/**/*.test.ts"],
    reporters: ["default", "./tests/kit/counts-reporter.ts"],
    globalSetup: ["tests/kit/global-setup.ts"],
    // The durable engine is one object a process. The files of a process come one after the other, and share
    // its modules: loading them takes a third of the suite otherwise.
    pool: "forks",
    isolate: false,
    maxWorkers: 3,
    sequence: { sequencer: SlowFirst },
    env: COMPILE_CACHE,
    // Guards against what never ends, on machines that do much else.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
