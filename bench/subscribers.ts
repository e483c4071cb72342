// How long after its commit an event is with each of many subscribers, while tenants are provisioned:
//   node bench/subscribers.ts [subscribers]
// Starts an embedded PostgreSQL of its own, the API and a worker in this process, and the clients, each
// with a WebSocket of its own, in a second thread. An event counts from its time in the journal, which
// is taken just before the commit, to the client's callback.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { createClient } from "graphql-ws";
import { openApi } from "../src/api/transport/server.ts";
import { assemble } from "../src/assemble.ts";
import { readConfig } from "../src/config.ts";
import type { Actor } from "../src/iam/actor.ts";
import { createServiceToken } from "../src/iam/tokens/service-tokens.ts";
import { followEvents } from "../src/operations/engine/follow.ts";
import { startOnTenant } from "../src/operations/start/start-on-tenant.ts";
import type { Platform } from "../src/platform.ts";
import { startPlatformWorker } from "../src/worker.ts";

const ACTOR: Actor = {
  kind: "OS_USER",
  id: "bench",
  name: "bench",
  role: "ADMINISTRATOR",
  address: null,
};
const TENANTS = 3;
const QUERY = `subscription ($id: ID!) {
  operationEvents(operationId: $id) { at ... on OperationStateChanged { operationState } }
}`;

interface Delivered extends Record<string, unknown> {
  readonly operationEvents: { readonly at: string };
}

interface Crowd {
  readonly url: string;
  readonly token: string;
  readonly size: number;
}

/** The clients' thread: told an operation's id, everybody follows it; answers the delays in ms. */
async function beTheCrowd({ url, token, size }: Crowd): Promise<void> {
  const clients = Array.from({ length: size }, () =>
    createClient({ url, lazy: false, connectionParams: { authorization: `Bearer ${token}` } }),
  );
  await Promise.all(clients.map((client) => new Promise((open) => client.on("connected", open))));
  parentPort?.postMessage("connected");
  parentPort?.on("message", async (id: string) => {
    const delays: number[] = [];
    let live = 0;
    await Promise.all(
      clients.map(async (client) => {
        let first = true;
        for await (const { data } of client.iterate<Delivered>({
          query: QUERY,
          variables: { id },
        })) {
          if (!data) throw new Error("A subscription was refused");
          const { at } = data.operationEvents;
          if (!first) delays.push(Date.now() - Date.parse(at));
          // The first one was there before: whoever has it is attached.
          else if (++live === size) parentPort?.postMessage("attached");
          first = false;
        }
      }),
    );
    parentPort?.postMessage(delays);
  });
}

const quantile = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;

async function measure(platform: Platform, size: number): Promise<void> {
  const { orm, clock } = platform;
  const api = await openApi(platform);
  const ports = { em: orm.em, clock };
  const { value: token } = await createServiceToken(ports, ACTOR, {
    name: "bench",
    role: "READONLY",
  });
  const crowd: Crowd = { url: api.url.replace(/^http/, "ws"), token, size };
  const thread = new Worker(new URL(import.meta.url), { workerData: crowd });
  const heard = <T>() => new Promise<T>((hear) => thread.once("message", hear));
  await heard();
  const delays: number[] = [];
  for (let tenant = 0; tenant <= TENANTS; tenant += 1) {
    const slug = `bench-${tenant}`;
    const request = {
      slug,
      name: slug,
      adminEmail: `${slug}@bench.test`,
      initialLaboratory: "Main",
    };
    const options = { dryRun: false, idempotencyKey: null };
    const { operation } = await startOnTenant(
      platform,
      ACTOR,
      platform.operations.provisionTenant,
      request,
      options,
    );
    const attached = heard();
    thread.postMessage(operation.id);
    await attached;
    const answered = heard<number[]>();
    // The worker starts when everybody is there.
    const worker = await startPlatformWorker(platform);
    for await (const _ of followEvents(platform, operation.id, 0));
    const round = await answered;
    await worker.stop();
    // The first tenant warms everything up.
    if (tenant > 0) delays.push(...round);
  }
  await thread.terminate();
  await api.close();
  const sorted = delays.sort((a, b) => a - b);
  const told = [0.5, 0.95, 0.99].map((q) => `p${q * 100} ${quantile(sorted, q)} ms`).join(", ");
  process.stdout.write(`${size} subscribers, ${sorted.length} deliveries: ${told}\n`);
}

async function main(size: number): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "tenantry-bench-"));
  const environment = { DATA_DIR: dataDir, PORT: "0", LOG_LEVEL: "error" };
  const platform = await assemble(readConfig(environment));
  try {
    await measure(platform, size);
  } finally {
    await platform.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

if (isMainThread) await main(Number(process.argv[2] ?? 1_000));
else await beTheCrowd(workerData);
