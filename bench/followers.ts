// What followers of `operationUpdated` cost a provisioning in the same process:
//   node bench/followers.ts [followers]
// One tenant without followers, then one with; the clients, ten subscriptions a WebSocket, are in a
// second thread. CPU is that of the process less the clients' thread.

import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { createClient } from "graphql-ws";
import { openApi } from "../src/api/transport/server.ts";
import { createServiceToken } from "../src/iam/tokens/service-tokens.ts";
import { ACTOR, nextSlug, openBench, provision, tell } from "./kit.ts";

const QUERY = `subscription { operationUpdated {
  id kind state phases { name state attempt note } tenant { slug name status } } }`;
const A_SOCKET = 10;

interface Crowd {
  readonly url: string;
  readonly token: string;
  readonly size: number;
}

function follow({ url, token, size }: Crowd): void {
  let heard = 0;
  for (let at = 0; at < size; at += A_SOCKET) {
    const client = createClient({ url, connectionParams: { authorization: `Bearer ${token}` } });
    for (let one = at; one < Math.min(size, at + A_SOCKET); one += 1) {
      const next = () => {
        heard += 1;
      };
      const error = (fault: unknown) => parentPort?.postMessage({ fault: String(fault) });
      client.subscribe({ query: QUERY }, { next, error, complete: () => {} });
    }
  }
  parentPort?.on("message", () =>
    parentPort?.postMessage({ heard, cpu: process.threadCpuUsage().user / 1000 }),
  );
}

async function main(size: number): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const platform = await openBench(parts, { PORT: "0" });
  const api = await openApi(platform);
  parts.defer(() => api.close());
  const round = async (name: string) => {
    const before = { at: performance.now(), cpu: process.threadCpuUsage() };
    await provision(platform, nextSlug());
    const { user, system } = process.threadCpuUsage(before.cpu);
    const took = Math.round(performance.now() - before.at);
    tell(`${name}: ${took} ms, ${Math.round((user + system) / 1000)} ms CPU of the main thread`);
  };
  await round("warm-up");
  await round("no followers");
  const ports = { em: platform.orm.em, clock: platform.clock };
  const { value: token } = await createServiceToken(ports, ACTOR, {
    name: "bench",
    role: "READONLY",
  });
  const crowd: Crowd = { url: api.url.replace(/^http/, "ws"), token, size };
  const thread = new Worker(new URL(import.meta.url), { workerData: crowd });
  parts.defer(() => thread.terminate().then(() => {}));
  thread.on("message", (message) => tell(JSON.stringify(message)));
  while (platform.feed.followers < size) await new Promise((turn) => setTimeout(turn, 50));
  await round(`${size} followers`);
  thread.postMessage("report");
  await new Promise((answered) => thread.once("message", answered));
}

if (isMainThread) await main(Number(process.argv[2] ?? 500));
else follow(workerData);
