// Lets workers die, freeze and lose their connections at the wire in the middle of every operation, and looks
// at what is left: npm run test:crash. Ends with `N passed, N failed`.

import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { OPERATIONS, UNTRIED } from "./operations.ts";
import { drawPoints, nameOf, pointCalled } from "./plan.ts";
import { type Result, writeReport } from "./report.ts";
import { startSweepServer } from "./server.ts";
import { Sweep, type Tried } from "./sweep.ts";
import type { Unit } from "./units.ts";

const { values: flags } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    points: { type: "string", default: "2000" },
    lanes: { type: "string", default: "6" },
    operations: { type: "string" },
    only: { type: "string", multiple: true },
    sample: { type: "boolean", default: false },
    units: { type: "boolean", default: false },
    out: { type: "string" },
    report: { type: "string", multiple: true },
  },
});

/** Short, so that a takeover does not take long: a worker is dead that was not seen for two seconds. */
const PACE = { beatMs: 500, timeToLiveMs: 2_000 };
/** Points of the part that runs in CI: some of each operation and of each way. */
const SAMPLE = 60;

const say = (line: string) => process.stdout.write(`${line}\n`);
const began = performance.now();
const seconds = () => Math.round((performance.now() - began) / 1000);
const seed = Number(flags.seed);
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
/** What fails behind an interrupt was not tried. */
let interrupted = false;
const counts = { passed: 0, failed: 0, unreached: 0 };

process.on("uncaughtException", (error) => {
  say(`The sweep itself failed: ${error.stack}`);
  process.exit(1);
});
if (flags.report) await writeReport(flags.report);
else await run();

async function run(): Promise<void> {
  await using server = await startSweepServer();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, async () => {
      interrupted = true;
      await server[Symbol.asyncDispose]();
      process.exit(1);
    });
  await using sweep = new Sweep(server, PACE);
  const lanes = Number(flags.lanes);
  const asked = flags.only?.map(pointCalled);
  const names = flags.operations?.split(",");
  const operations = OPERATIONS.filter(
    (each) =>
      (names?.includes(each.name) ?? true) &&
      (asked?.some(({ operation }) => operation === each) ?? true),
  );
  for (const act of UNTRIED) fail(`${act} has no entry in the sweep`, []);
  const units = await sweep.runUndisturbed(operations, lanes, (operation, ran, violations) => {
    say(`undisturbed ${operation.name}: ${ran?.units.length ?? 0} units, ${seconds()} s`);
    if (flags.units) for (const unit of ran?.units ?? []) say(`${unit.n} ${told(unit)}`);
    if (violations.length > 0) fail(`${operation.name}, undisturbed`, violations);
  });
  const points = flags.sample ? SAMPLE : Number(flags.points);
  await sweep.try(asked ?? drawPoints(units, { seed, points }), lanes, tell);
  say(
    `Commit ${commit}, seed ${seed}: ${counts.passed + counts.failed} points, ${counts.failed} with violations, ${seconds()} s; beside them ${counts.unreached} whose operation had ended before`,
  );
  say(`${counts.passed} passed, ${counts.failed} failed`);
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

function told({ phase, what }: Unit): string {
  return `${phase}: ${what.replace(/\s+/g, " ").trim()}`;
}

function tell({ point, unit, violations, ms }: Tried): void {
  if (interrupted) return;
  const name = nameOf(point);
  const at = unit ? told(unit) : "not reached";
  const isFine = violations.length === 0;
  say(`${isFine ? "✔" : "✘"} ${name} (${at}) ${Math.round(ms)} ms, ${seconds()} s`);
  if (!isFine) fail(`npm run test:crash -- --only ${name}`, violations);
  else if (unit === null) counts.unreached += 1;
  else counts.passed += 1;
  if (flags.out === undefined) return;
  const { operation, way, n } = point;
  const result: Result = {
    commit,
    seed,
    operation: operation.name,
    way,
    n,
    phase: unit?.phase ?? (isFine ? null : "?"),
    violations: violations.length,
    atS: seconds(),
  };
  appendFileSync(flags.out, `${JSON.stringify(result)}\n`);
}

function fail(what: string, violations: readonly string[]): void {
  counts.failed += 1;
  say(`✘ ${what}`);
  for (const violation of violations) say(`    ${violation}`);
}
