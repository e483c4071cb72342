import { text } from "node:stream/consumers";
import { tenantry } from "../../src/cli/tenantry.ts";

/** Runs many commands in one process, since starting is what a short one takes most time for. */

const written: string[] = [];
const write = process.stdout.write.bind(process.stdout);
for (const stream of [process.stdout, process.stderr])
  stream.write = (chunk: string | Uint8Array) => {
    written.push(String(chunk));
    return true;
  };
// A command lets the process end a second later: not before the last has run.
process.exit = (() => {}) as unknown as typeof process.exit;

const commands = JSON.parse(await text(process.stdin)) as string[][];
for (const words of commands) {
  await tenantry(["node", "tenantry", ...words]);
  write(`${JSON.stringify({ end: process.exitCode, said: written.splice(0).join("") })}\n`);
}
