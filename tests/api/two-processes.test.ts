import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, callerOf, openTestApi, type TestApi } from "../kit/api.ts";
import { EVENTS, PROVISION } from "../kit/documents.ts";
import { openPlatform, type TestPlatform } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";

let world: TestPlatform;
let here: TestApi;
let children: ChildProcess[];
/** The same person at each of two API processes; neither of them runs operations. */
let one: Caller;
let two: Caller;

async function startApi(): Promise<{ child: ChildProcess; url: string }> {
  const script = join(import.meta.dirname, "../kit/api-process.ts");
  const child = fork(script, [JSON.stringify(world.environment)]);
  const [{ url }] = (await once(child, "message")) as [{ url: string }];
  return { child, url };
}

beforeAll(async () => {
  world = await openPlatform();
  here = await openTestApi(world.platform);
  const { token } = await here.as("PROVISIONER");
  const [first, second] = await Promise.all([startApi(), startApi()]);
  children = [first.child, second.child];
  one = callerOf(first.url, token);
  two = callerOf(second.url, token);
  await world.startWorker();
});

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await here.close();
  await world[Symbol.asyncDispose]();
});

interface Event {
  readonly sequence: number;
  readonly cursor: string;
  readonly operationState?: string;
}

async function start(caller: Caller): Promise<string> {
  const { provisionTenant } = await caller.ask(PROVISION, { input: provisionRequest() });
  return provisionTenant.operation.id;
}

test("an operation that one process started is followed live at the other", async () => {
  const id = await start(one);
  const events: Event[] = [];
  for await (const { operationEvents } of two.follow(EVENTS, { id })) events.push(operationEvents);
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
  expect(events.at(-1)?.operationState).toBe("SUCCEEDED");
});

test("a follower whose process is killed goes on at the other from its cursor", async () => {
  const id = await start(two);
  const seen: Event[] = [];
  const stream = one.follow(EVENTS, { id });
  while (seen.length < 5) seen.push((await stream.next()).value.operationEvents);
  children[0]?.kill("SIGKILL");
  await stream.return?.();
  const after = seen.at(-1)?.cursor;
  for await (const { operationEvents } of two.follow(EVENTS, { id, after }))
    seen.push(operationEvents);
  expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, index) => index + 1));
  expect(seen.at(-1)?.operationState).toBe("SUCCEEDED");
});

test("the feed over all operations tells of what another process started", async () => {
  const feed = two.follow(
    `subscription { operationUpdated(filter: { kind: PROVISION }) { id state slug } }`,
  );
  const first = feed.next();
  const { provisionTenant } = await here
    .withToken(two.token ?? "")
    .ask(PROVISION, { input: provisionRequest() });
  const states: string[] = [];
  for (let step = await first; !step.done; step = await feed.next()) {
    const { id, state } = step.value.operationUpdated;
    if (id === provisionTenant.operation.id) states.push(state);
    if (state === "SUCCEEDED" && id === provisionTenant.operation.id) break;
  }
  await feed.return?.();
  expect(states.at(-1)).toBe("SUCCEEDED");
});
