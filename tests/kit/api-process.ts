// An API process of its own: it assembles a platform by the environment that it is given, opens the
// API and tells its parent where.

import { openApi } from "../../src/api/transport/server.ts";
import { assemble } from "../../src/assemble.ts";
import { readConfig } from "../../src/config.ts";

const environment = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;
const api = await openApi(await assemble(readConfig(environment)));
process.send?.({ url: api.url });
