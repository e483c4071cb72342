// The service as `npm start` runs it, which tells its parent what it has used so far.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

process.on("message", () => {
  collectGarbage();
  const { user, system } = process.cpuUsage();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ cpuMs: (user + system) / 1_000, bytes: heapUsed + external });
});

// Whoever looks at it is gone: it stops as on a signal, with its database.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));

await import("../../src/main.ts");
