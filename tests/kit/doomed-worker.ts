// A worker that stands still in every operation that the plan names by its tenant's slug, at the phase
// of the plan, with the deed done and not yet recorded. The test that started it then kills or stops it, or
// sends a word that lets all go on, or a number of ms that its event loop is to hang for.

import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { startPlatformWorker } from "../../src/worker.ts";
import { wrapOperations } from "./wrap.ts";

/** What it is started with beside environment and plan. */
interface Doomed {
  readonly beatMs?: number;
  readonly timeToLiveMs?: number;
  readonly hungMs?: number;
  /** Kinds of operations that it does not know. */
  readonly without?: readonly string[];
}

const environment = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;
const plan = JSON.parse(process.argv[3] ?? "{}") as Record<string, string>;
const { without = [], ...options } = JSON.parse(process.argv[4] ?? "{}") as Doomed;
const platform = await assemble(readConfig(environment));
const definitions = wrapOperations(platform.definitions, {
  afterEffect: async (phase, { subjectName }) => {
    if (plan[subjectName] !== phase) return;
    process.send?.({ standing: subjectName });
    const word = await new Promise<unknown>((resolve) => process.once("message", resolve));
    if (typeof word === "number")
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, word);
  },
});
for (const kind of without) definitions.delete(kind);
await startPlatformWorker({ ...platform, definitions }, options);
process.send?.({ ready: true });
