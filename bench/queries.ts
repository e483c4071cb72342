// How many authenticated simple queries the API answers a second, and what it takes of the memory:
//   node bench/queries.ts [seconds of a turn]
// Starts an embedded PostgreSQL, `tenantry serve` and the bare servers, each in a process of its own, and
// asks them in turns over 32 open connections. Server, database and asker share the machine.

import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { signIn } from "../src/iam/sign-in/sign-in.ts";
import { createServiceToken } from "../src/iam/tokens/service-tokens.ts";
import { createPlatformUser } from "../src/iam/users/platform-users.ts";
import type { Platform } from "../src/platform.ts";
import { ACTOR, openBench, provision, tell } from "./kit.ts";
import { askFor, type Question } from "./load.ts";

const ROUNDS = 5;
const SLUG = "bench";
const ME = "{ me { role actor { id } } }";
const TENANT = `{ tenant(by: { slug: "${SLUG}" }) { id name status } }`;

const BARE = "graphql-yoga, access token, no database";

/** Authenticated simple queries a second, as a share of what graphql-yoga does with a token and no database. */
const GOAL_SHARE = 3_500 / 4_000;
const GOAL_MEGABYTES = 160;
/** By then what starting needed has been let go of. */
const SETTLED_MS = 5_000;

/** What docs/production.md advises where memory is scarce. */
const SMALL_HEAP = "--max-semi-space-size=4";

/** A small tenant schema: it is the API that is looked at. */
const FIXTURE = join(import.meta.dirname, "../tests/kit/fixtures/small");

interface Served extends Pick<Question, "url" | "token"> {
  readonly child: ChildProcess;
}

async function serveBare(kind: "http" | "yoga", parts: AsyncDisposableStack): Promise<Served> {
  const child = fork(join(import.meta.dirname, "bare-server.ts"), [kind]);
  parts.defer(() => void child.kill());
  const [{ url, token }] = (await once(child, "message")) as [Served];
  return { url, token, child };
}

/** `tenantry serve` on the platform's database. */
async function serveTenantry(
  { databaseUrl, config }: Platform,
  parts: AsyncDisposableStack,
  nodeOptions = "",
) {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "../bin/tenantry.js"), "serve"],
    {
      env: {
        NODE_ENV: "production",
        SECRET_STORE: "local",
        LOG_LEVEL: "error",
        PORT: "0",
        DATABASE_URL: databaseUrl,
        DATA_DIR: config.dataDir,
        NODE_OPTIONS: nodeOptions,
      },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  parts.defer(async () => {
    child.kill();
    await once(child, "exit");
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /listens on (\S+)/.exec(line) ?? [];
    if (url !== undefined) return { child, url };
  }
  throw new Error("tenantry serve ended");
}

/** Who asks: a user's access token and a script's token. */
async function openTokens({ orm, keys, clock }: Platform) {
  const ports = { em: orm.em, keys, clock };
  const who = { email: "bench@bench.test", password: "a bench by the river" };
  await createPlatformUser(ports, ACTOR, { ...who, name: "Bench", role: "READONLY" });
  const { accessToken } = await signIn(ports, { ...who, address: null });
  const { value } = await createServiceToken(ports, ACTOR, { name: "bench", role: "READONLY" });
  return { accessToken, serviceToken: value };
}

/** The memory that a process has, in MB: what `ps` calls its resident set. */
const megabytesOf = ({ pid }: ChildProcess): number =>
  Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) / 1024;

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Asks all questions in turns, so that the machine's other work meets each alike: medians. */
async function askInTurns(
  questions: Readonly<Record<string, Question>>,
  seconds: number,
): Promise<Map<string, number>> {
  const rates = new Map(Object.keys(questions).map((name) => [name, [] as number[]]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, question] of Object.entries(questions)) {
      const rate = await askFor(seconds, question);
      // The first round warms everything up.
      if (round > 0) rates.get(name)?.push(rate);
    }
  }
  return new Map([...rates].map(([name, all]) => [name, median(all)]));
}

const met = (isMet: boolean) => (isMet ? "met" : "not met");

/** The memory of an API that nobody has asked anything yet. */
async function idleMegabytes(platform: Platform, nodeOptions: string): Promise<number> {
  await using parts = new AsyncDisposableStack();
  const { child } = await serveTenantry(platform, parts, nodeOptions);
  await pause(SETTLED_MS);
  return megabytesOf(child);
}

async function tellMemory(platform: Platform): Promise<void> {
  for (const nodeOptions of ["", SMALL_HEAP]) {
    const idle = await idleMegabytes(platform, nodeOptions);
    const verdict = `goal ${GOAL_MEGABYTES} MB: ${met(idle <= GOAL_MEGABYTES)}`;
    tell(`tenantry serve, idle, ${nodeOptions || "as it is"}: ${idle.toFixed(0)} MB  ${verdict}`);
  }
}

async function bench(seconds: number): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const platform = await openBench(parts, {
    TENANT_MIGRATIONS_DIR: join(FIXTURE, "migrations"),
    TENANT_SEEDS_DIR: join(FIXTURE, "seeds"),
  });
  await provision(platform, SLUG);
  const { accessToken, serviceToken } = await openTokens(platform);
  const http = await serveBare("http", parts);
  const yoga = await serveBare("yoga", parts);
  await tellMemory(platform);
  const { child, url } = await serveTenantry(platform, parts);
  const rates = await askInTurns(
    {
      "node:http, a fixed answer": { ...http, query: ME },
      [BARE]: { ...yoga, query: ME },
      "{ me }, access token": { url, token: accessToken, query: ME },
      "{ me }, service token": { url, token: serviceToken, query: ME },
      "{ tenant }, access token": { url, token: accessToken, query: TENANT },
      "{ tenant }, service token": { url, token: serviceToken, query: TENANT },
    },
    seconds,
  );
  tellRates(rates);
  tell(`tenantry serve, after the run: ${megabytesOf(child).toFixed(0)} MB`);
}

function tellRates(rates: ReadonlyMap<string, number>): void {
  const cores = availableParallelism();
  tell(`${cores} cores, load ${loadavg()[0]?.toFixed(1)}; medians of ${ROUNDS} turns`);
  const bare = rates.get(BARE) ?? Number.NaN;
  for (const [name, rate] of rates) {
    const share = rate / bare;
    const verdict = name.startsWith("{ me }")
      ? `  goal ${GOAL_SHARE}: ${met(share >= GOAL_SHARE)}`
      : "";
    tell(`${name.padEnd(42)}${rate.toFixed(0).padStart(7)}/s  ${share.toFixed(2)}${verdict}`);
  }
}

await bench(Number(process.argv[2] ?? 2));
