// A worker that stands still in every operation that the plan names by its tenant's slug, at the phase
// of the plan, with the deed done and not yet recorded. The test that started it then kills or stops it.

import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { wrapOperations } from "./wrap.ts";

const environment = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;
const plan = JSON.parse(process.argv[3] ?? "{}") as Record<string, string>;
const platform = await assemble(readConfig(environment));
const definitions = wrapOperations(platform.definitions, {
  afterDeed: async (phase, { subjectName }) => {
    if (plan[subjectName] !== phase) return;
    process.send?.({ standing: subjectName });
    await new Promise((resolve) => process.once("message", resolve));
  },
});
await startPlatformWorker({ ...platform, definitions });
process.send?.({ ready: true });
