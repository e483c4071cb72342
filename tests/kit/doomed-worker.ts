// A worker that stands still in every operation, at the phase that its tenant's name names, with the
// deed done and not yet recorded. The test that started it then kills or stops it.

import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { wrapOperations } from "./wrap.ts";

const environment = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;
const platform = await assemble(readConfig(environment));
const definitions = wrapOperations(platform.definitions.values(), {
  afterDeed: async (phase, run) => {
    if (run.input.name !== phase) return;
    process.send?.({ standing: phase });
    await new Promise((resolve) => process.once("message", resolve));
  },
});
await startPlatformWorker({
  ...platform,
  definitions: new Map(definitions.map((definition) => [definition.kind, definition])),
});
process.send?.({ ready: true });
