// A process of the service under load: the API, a worker or both, as it is told. Tells its parent where
// it listens, and what it has used whenever it is asked.

import { openApi } from "../../src/api/transport/server.ts";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";
import { startPlatformWorker } from "../../src/worker.ts";

const [, , part = "", environment = "{}"] = process.argv;
const platform = await assemble(readConfig(JSON.parse(environment)));
const api = part === "worker" ? null : await openApi(platform);
const worker = part === "api" ? null : await startPlatformWorker(platform);
process.on("message", () => {
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ rss, heapUsed, external, peak: process.resourceUsage().maxRSS * 1_024 });
});
process.on("disconnect", () => process.exit(1));
process.once("SIGTERM", async () => {
  await api?.close();
  await worker?.stop(2_000);
  await platform.close();
  process.exit(0);
});
process.send?.({ url: api?.url ?? null });
