// Runs commands one after the other, as its parent asks: starting is what a short one takes most time for.

import { tenantry } from "../../src/cli/tenantry.ts";
import type { Order } from "./commands.ts";

const { env } = process;
const exit = process.exit.bind(process);
// A command lets the process end a second later, and here others come behind it.
process.exit = (() => {}) as unknown as typeof process.exit;
process.setMaxListeners(0);

async function obey({ words, environment, mark }: Order): Promise<void> {
  for (const name of Object.keys(env)) delete env[name];
  Object.assign(env, environment);
  if (environment.DATA_DIR !== undefined) process.chdir(environment.DATA_DIR);
  process.exitCode = 0;
  await tenantry(["node", "tenantry", ...words]);
  const end = process.exitCode;
  for (const stream of [process.stdout, process.stderr]) stream.write(mark);
  process.send?.(end);
}

process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => exit(0));
