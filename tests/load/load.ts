// Scenarios that take minutes, each on a PostgreSQL and processes of its own, with their figures:
//   npm run test:load [-- scenario… [--share=0.1]]
// A share makes them smaller, for a look on the way.
// Ends with `N passed, N failed`.

import { failover } from "./failover.ts";
import { stalledSockets, stalledStreams } from "./followers.ts";
import { mixed } from "./mixed.ts";
import { oneSlug } from "./one-slug.ts";
import { purges } from "./purges.ts";
import { restarts } from "./restarts.ts";
import type { Report } from "./scenario.ts";

const SCENARIOS = [
  ...[oneSlug, restarts, purges, stalledSockets, stalledStreams],
  ...[failover, mixed],
];

const counts = { passed: 0, failed: 0 };
const say = (line: string) => process.stdout.write(`${line}\n`);
const report: Report = {
  figure: (name, value) => say(`  ${name}: ${value}`),
  check: (name, fault) => {
    counts[fault === null ? "passed" : "failed"] += 1;
    say(fault === null ? `  ✔ ${name}` : `  ✘ ${name}: ${fault}`);
  },
};

const isShare = (argument: string) => argument.startsWith("--share=");
const share = Number(process.argv.find(isShare)?.slice("--share=".length) ?? 1);
const wanted = process.argv.slice(2).filter((argument) => !isShare(argument));
const unknown = wanted.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  throw new Error(`There are ${SCENARIOS.map(({ name }) => name).join(", ")}; not ${unknown}`);
}
for (const { name, about, run } of SCENARIOS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  say(`${name}: ${about}`);
  const begun = performance.now();
  await run(report, share).catch((error: unknown) => report.check(name, String(error)));
  report.figure("took", `${((performance.now() - begun) / 1_000).toFixed(1)} s`);
}
say(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;
