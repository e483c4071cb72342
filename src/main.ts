import { serve } from "./cli/serve.ts";

await serve({ api: true, worker: true });
