import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Caller, callerOf, openTestApi } from "../kit/api.ts";
import { EVENTS, PROVISION } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";

const world = perFile(() => openPlatform({ worker: true }));
const here = perFile(() => openTestApi(world));
const caller = perFile(() => here.as("PROVISIONER"));

/** The same person at each of two API processes; neither of them runs operations. */
const one = perFile(callerElsewhere);
const two = perFile(callerElsewhere);

async function callerElsewhere() {
  const script = join(import.meta.dirname, "../kit/api-process.ts");
  const child = fork(script, [JSON.stringify(world.environment)]);
  const [{ url }] = (await once(child, "message")) as [{ url: string }];
  return {
    ...callerOf(url, caller.token),
    [Symbol.asyncDispose]: async () => void child.kill("SIGKILL"),
  };
}

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
  await one[Symbol.asyncDispose]();
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
