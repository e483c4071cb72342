// What provisioning a tenant costs, against the cost of its schema in the database server alone:
//   npm run bench
// On an embedded PostgreSQL of its own, with the bundled schema. "Flat" is the final state of that schema
// as one query in one transaction: no way of making it costs less. Only ratios of one run carry over to
// another machine; the load is printed with them.

import { availableParallelism, cpus, loadavg } from "node:os";
import pg from "pg";
import { followEvents } from "../src/operations/engine/follow.ts";
import type { OperationEvent } from "../src/operations/engine/operation.entity.ts";
import { startOnTenant } from "../src/operations/start/start-on-tenant.ts";
import type { Platform } from "../src/platform.ts";
import { countExchanges, type Exchange } from "./exchanges.ts";
import { ACTOR, nextSlug, OPTIONS, openBench, tell } from "./kit.ts";
import { emptySchema, flatWay, ourWay, taken, type Way } from "./ways.ts";

const WARM_UP = 2;
const ROUNDS = 12;
/** Tenants of one measurement of throughput, and how often flat and we take turns at it. */
const A_TURN = 8;
const TURNS = 2;
const QUEUED = 50;
const NETWORK_MS = 1.4;

const CORES = availableParallelism();
const AT_ONCE = [...new Set([1, 2, 4, CORES])].sort((a, b) => a - b);

const ms = (value: number) => `${Math.round(value)} ms`;
const row = (what: string, ...values: string[]) =>
  tell(`${what.padEnd(46)}${values.map((value) => value.padStart(12)).join("")}`);
const goal = (what: string, value: string, met: boolean) =>
  tell(`${met ? "met    " : "NOT MET"}  ${what.padEnd(70)} ${value}`);

/** The value below which a share of the sample lies, by the nearest rank. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
const median = (values: readonly number[]) => quantile(values, 0.5);
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Lets so many lanes do so much; answers how much was done a second. */
async function perSecond(lanes: number, much: number, work: (lane: number) => Promise<unknown>) {
  let left = much;
  const since = performance.now();
  const run = async (_: unknown, lane: number) => {
    for (; left > 0; ) {
      left -= 1;
      await work(lane);
    }
  };
  await Promise.all(Array.from({ length: lanes }, run));
  return (much * 1000) / (performance.now() - since);
}

interface Provisioned {
  /** From the call that the mutation makes to the terminal event at its follower, in ms. */
  readonly total: number;
  /** When it was asked for, in ms since 1970. */
  readonly askedAt: number;
  readonly events: readonly OperationEvent[];
}

async function provision(platform: Platform): Promise<Provisioned> {
  const slug = nextSlug();
  const request = { slug, name: slug, adminEmail: `${slug}@bench.test`, initialLaboratory: "Main" };
  const [askedAt, since] = [Date.now(), performance.now()];
  const { operation } = await startOnTenant(
    platform,
    ACTOR,
    platform.operations.provisionTenant,
    request,
    OPTIONS,
  );
  const events: OperationEvent[] = [];
  for await (const event of followEvents(platform, operation.id, 0)) events.push(event);
  const total = performance.now() - since;
  const last = events.at(-1)?.body;
  if (last?.type !== "OPERATION_STATE" || last.state !== "SUCCEEDED")
    throw new Error(`Provisioning failed: ${JSON.stringify(last)}`);
  return { total, askedAt, events };
}

/** The parts of a run in order, each with its name, when it began and when it ended. */
function partsOf({ askedAt, events, total }: Provisioned) {
  const marks = [{ name: "asked, until committed", at: askedAt }];
  for (const { at, body } of events) {
    const name =
      body.type === "OPERATION_STATE" && body.state === "PENDING"
        ? "waiting for a worker"
        : body.type === "PHASE_STATE" && body.state === "RUNNING"
          ? body.phase
          : null;
    if (name !== null) marks.push({ name, at: at.getTime() });
  }
  return marks.map(({ name, at }, index) => ({
    name,
    from: at,
    to: marks[index + 1]?.at ?? askedAt + total,
  }));
}

/** What each part takes and exchanges; the queue's and the follower's own are counted too. */
function tellParts(runs: readonly Provisioned[], exchanges: readonly Exchange[], tenants: string) {
  row("where the time goes (p50)", "ms", "platform", "tenants", "statements");
  row("", "", "round trips", "round trips", "");
  const names = partsOf(runs[0] as Provisioned).map(({ name }) => name);
  for (const name of names) {
    const parts = runs.map((run) => partsOf(run).find((part) => part.name === name));
    const figures = parts.map((part) => {
      const { from = 0, to = 0 } = part ?? {};
      const within = exchanges.filter(({ at }) => at >= from && at < to);
      const there = within.filter(({ database }) => database === tenants);
      const statements = within.reduce((sum, exchange) => sum + exchange.statements, 0);
      return [to - from, within.length - there.length, there.length, statements];
    });
    row(
      `  ${name}`,
      ...[0, 1, 2, 3].map((at) => median(figures.map((of) => of[at] ?? Number.NaN)).toFixed(0)),
    );
  }
}

interface Setting {
  readonly platform: Platform;
  readonly clients: readonly pg.Client[];
  readonly ours: Way;
  readonly flat: Way;
}

interface OneByOne {
  readonly runs: readonly Provisioned[];
  /** What our migrations and seeds took, and the final state at once; in ms. */
  readonly ours: readonly number[];
  readonly flat: readonly number[];
  /** Round trips of our migrations and seeds. */
  readonly trips: number;
}

/** One at a time, all ways in turns, so that the machine's moods meet all. */
async function oneByOne(setting: Setting, exchanges: readonly Exchange[]): Promise<OneByOne> {
  const [client] = setting.clients as [pg.Client];
  const [runs, ours, flat]: [Provisioned[], number[], number[]] = [[], [], []];
  let trips = 0;
  const counted: Way = async (...args) => {
    const before = exchanges.length;
    await setting.ours(...args);
    const since = exchanges.slice(before);
    trips = since.filter(({ database }) => database === client.database).length;
  };
  const turns = [
    async () => void runs.push(await provision(setting.platform)),
    async () => void flat.push(await taken(client, setting.flat)),
    async () => void ours.push(await taken(client, counted)),
  ];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1)
    for (const turn of turns.keys()) await turns[(turn + round) % turns.length]?.();
  for (const list of [runs, ours, flat]) list.splice(0, WARM_UP);
  return { runs, ours, flat, trips };
}

function tellOneByOne({ runs, ours, flat, trips }: OneByOne): void {
  const totals = runs.map(({ total }) => total);
  const [cold, filled, floor] = [median(totals), median(ours), median(flat)];
  row(`one by one (${ROUNDS} each, in turns)`, "p50", "p95");
  row("  provisionTenant, mutation to terminal event", ms(cold), ms(quantile(totals, 0.95)));
  row("  migrations and seeds alone", ms(filled), ms(quantile(ours, 0.95)));
  row("  flat", ms(floor), ms(quantile(flat, 0.95)));
  tell();
  const ratio = filled / floor;
  goal("1: migrations and seeds at most 1.35 x flat", ratio.toFixed(2), ratio <= 1.35);
  const far = (filled + trips * NETWORK_MS) / (floor + NETWORK_MS);
  const network = `with ${NETWORK_MS} ms of network, reckoned for ${trips} round trips`;
  goal(`   ${network}: at most 1.4 x flat`, far.toFixed(2), far <= 1.4);
  goal("2: cold at most flat + 250 ms", `+ ${ms(cold - floor)}`, cold - floor <= 250);
}

async function atOnce({ platform, clients, flat }: Setting): Promise<void> {
  const byFlat = async (lane: number) => {
    const client = clients[lane] as pg.Client;
    await flat(client, await emptySchema(client));
  };
  const byUs = () => provision(platform);
  const rates = new Map<number, { readonly floor: number; readonly rate: number }>();
  row("tenants a second", "flat", "ours", "ratio");
  for (const lanes of AT_ONCE) {
    const [floors, ours]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < TURNS; turn += 1) {
      floors.push(await perSecond(lanes, A_TURN, byFlat));
      ours.push(await perSecond(lanes, A_TURN, byUs));
    }
    const [floor, rate] = [mean(floors), mean(ours)];
    rates.set(lanes, { floor, rate });
    row(`  ${lanes} at once`, floor.toFixed(2), rate.toFixed(2), (rate / floor).toFixed(2));
  }
  const queued = await perSecond(QUEUED, QUEUED, byUs);
  row(`  ${QUEUED} queued`, "", queued.toFixed(2));
  tell();
  const { floor, rate } = rates.get(CORES) ?? { floor: Number.NaN, rate: Number.NaN };
  const [reached, kept] = [
    rate / floor,
    queued / Math.max(...[...rates.values()].map((of) => of.rate)),
  ];
  goal(`3: as many at once as cores, at least 0.85 x flat's`, reached.toFixed(2), reached >= 0.85);
  goal(`   ${QUEUED} queued, at least 0.95 x its own best`, kept.toFixed(2), kept >= 0.95);
}

const load = () =>
  loadavg()
    .map((value) => value.toFixed(2))
    .join(" ");

async function bench(): Promise<void> {
  const exchanges = countExchanges();
  await using parts = new AsyncDisposableStack();
  const platform = await openBench(parts);
  const clients = await Promise.all(
    Array.from({ length: Math.max(...AT_ONCE) }, async () => {
      const client = new pg.Client({ connectionString: `${platform.databaseUrl}_tenants` });
      await client.connect();
      parts.defer(() => client.end());
      return client;
    }),
  );
  const ours = await ourWay(platform);
  const flat = await flatWay(clients[0] as pg.Client, ours);
  const setting = { platform, clients, ours, flat };
  tell(`${CORES} cores (${cpus()[0]?.model ?? "unknown"}), Node ${process.version}`);
  tell(`load average before: ${load()}`);
  tell();
  const measured = await oneByOne(setting, exchanges);
  tellParts(measured.runs, exchanges, clients[0]?.database ?? "");
  tell();
  tellOneByOne(measured);
  tell();
  await atOnce(setting);
  tell();
  tell(`load average after: ${load()}`);
}

await bench();
