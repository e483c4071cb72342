import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type Client, openClient } from "../../src/client/client.ts";
import { OperationProgress } from "../../src/client/operation-progress.ts";
import { start } from "./ask.ts";
import type { Crowd, CrowdEnd, Door } from "./crowd.ts";
import { openRig, type Rig, type ServiceProcess } from "./rig.ts";
import { quantile, type Scenario, sized } from "./scenario.ts";

const FOLLOWERS = 1_000;
/** Those that run while the others only stall, and again so many while the API and its LISTEN break. */
const OPERATIONS = 12;
const OF_ONE_CALLER = 200;
const P99_MS = 250;
const MOST_BYTES = 1_000_000_000;

const stalled = (door: Door): Scenario => ({
  name: `stalled-${door}`,
  about: `${FOLLOWERS} ${door} that stop reading, and a healthy follower`,
  run: async (report, share) => {
    await using rig = await openRig();
    let api = await rig.start("api");
    const { url } = api;
    const size = sized(FOLLOWERS, share);
    const count = sized(OPERATIONS, share);
    const token = await rig.token("healthy");
    const client = openClient({ url, token: () => token, retries: 1_000 });

    const warmUp = await startAll(url, token, "warm", 2);
    const worker = await rig.start("worker");
    await followAll(client, warmUp);
    const alone = await followAll(client, await startAll(url, token, "alone", count));
    await worker.kill("SIGTERM");
    report.figure("the healthy one alone", tell(alone));

    const first = await startAll(url, token, "first", count);
    const later = await startAll(url, token, "later", count);
    const tokens = await Promise.all(
      Array.from({ length: Math.ceil(size / OF_ONE_CALLER) }, (_, n) => rig.token(`crowd-${n}`)),
    );
    await using crowd = await gather({ url, tokens, door, size, ids: [...first, ...later] });
    report.figure("that have stopped reading", size);
    const memory = watchMemory(() => api);
    const ofLater = followAll(client, later);
    const ofFirst = followAll(client, first);
    await rig.start("worker");
    const beside = await ofFirst;
    report.figure("the healthy one beside them", tell(beside));
    const p99 = quantile(beside.delays, 0.99);
    report.check(`its p99 is at most ${P99_MS} ms`, p99 <= P99_MS ? null : `${p99} ms`);
    report.check("the process lives", api.lives() ? null : "it has ended");

    await breakListening(rig);
    const peak = await memory.end();
    await api.kill("SIGTERM");
    api = await rig.start("api", new URL(url).port);
    await breakListening(rig);
    const again = watchMemory(() => api);
    const over = await ofLater;
    report.check("the healthy one is told everything once", over.torn[0] ?? beside.torn[0] ?? null);
    const { wrong, reconnects } = await crowd.resume();
    report.figure("reconnects of the others", reconnects);
    const [fault = null] = wrong;
    report.check(
      "each of them resumes with nothing lost or doubled",
      fault && `${wrong.length}: ${fault}`,
    );
    const most = Math.max(peak, await again.end());
    report.figure("peak memory of the API", `${(most / 1e6).toFixed(0)} MB`);
    report.check("its memory is bounded", most <= MOST_BYTES ? null : `${most} bytes`);
    const failed = await rig.rows<{ id: string }>(
      "select id from platform.operation where state <> 'SUCCEEDED'",
    );
    report.check("provisioning goes on", failed.length === 0 ? null : JSON.stringify(failed));
    await client.close();
  },
});

export const stalledSockets = stalled("sockets");
export const stalledStreams = stalled("streams");

const startAll = (url: string, token: string, stem: string, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => start(url, token, `${stem}-${at}`)));

interface Heard {
  /** From an event's commit to the client, in ms; without those that were there before. */
  readonly delays: readonly number[];
  readonly torn: readonly string[];
  readonly tookMs: number;
}

async function followAll(client: Client, ids: readonly string[]): Promise<Heard> {
  const begun = performance.now();
  const delays: number[] = [];
  const torn: string[] = [];
  await Promise.all(
    ids.map(async (operationId) => {
      const seen: number[] = [];
      for await (const { operationEvents } of client.subscribe(
        OperationProgress,
        { operationId },
        (data) => data.operationEvents.cursor,
      )) {
        seen.push(operationEvents.sequence);
        if (operationEvents.sequence > 1) delays.push(Date.now() - Date.parse(operationEvents.at));
      }
      if (seen.some((sequence, at) => sequence !== at + 1)) torn.push(`${operationId}: ${seen}`);
    }),
  );
  return { delays, torn, tookMs: performance.now() - begun };
}

const tell = ({ delays, tookMs }: Heard): string =>
  `p50 ${quantile(delays, 0.5)} ms, p99 ${quantile(delays, 0.99)} ms of ${delays.length} events, ${(tookMs / 1_000).toFixed(1)} s`;

/** Starts the others; they have stopped reading when this is answered. */
async function gather(crowd: Crowd) {
  const child = fork(join(import.meta.dirname, "crowd.ts"), { stdio: "inherit" });
  child.send(crowd);
  await once(child, "message");
  return {
    resume: async () => {
      child.send("resume");
      const [end] = await once(child, "message");
      return end as CrowdEnd;
    },
    [Symbol.asyncDispose]: async () => void child.kill("SIGKILL"),
  };
}

/** Breaks the connection over which the API is notified. */
const breakListening = (rig: Rig) =>
  rig.rows(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%feed'",
  );

function watchMemory(api: () => ServiceProcess) {
  let most = 0;
  const look = async () => {
    most = Math.max(most, (await api().usage()).rss);
  };
  const timer = setInterval(() => void look().catch(() => {}), 500);
  const end = async () => {
    clearInterval(timer);
    await look();
    return most;
  };
  return { end };
}
