import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { openSharedReads } from "../../src/operations/engine/shared-reads.ts";
import { openTestApi } from "../kit/api.ts";
import { EVENTS, PROVISION } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const caller = perFile(() => api.as("PROVISIONER"));

/** An operation that waits for ever: nobody works. */
const operation = perFile(async (): Promise<{ id: string }> => {
  const { provisionTenant } = await caller.ask(PROVISION, { input: provisionRequest() });
  return provisionTenant.operation;
});

/** The platform's sessions on its database, by what they call themselves. */
async function sessions(): Promise<Map<string, number>> {
  const rows = await world.platform.orm.em.fork().execute<{ name: string; count: number }[]>(
    `select application_name as name, count(*)::int as count from pg_stat_activity
     where datname = current_database() group by application_name`,
  );
  return new Map(rows.map(({ name, count }) => [name, count]));
}

test("many subscribers share one connection that listens, and the pool", async () => {
  const streams = Array.from({ length: 60 }, () => caller.follow(EVENTS, { id: operation.id }));
  const feed = caller.follow("subscription { operationUpdated { id } }");
  void feed.next();
  const first = await Promise.all(streams.map((stream) => stream.next()));
  expect(first.map(({ value }) => value.operationEvents.sequence)).toEqual(first.map(() => 1));
  const open = await sessions();
  expect(open.get("tenantry feed")).toBe(1);
  // The pool's bound: `openOrm`.
  expect(open.get("tenantry reader")).toBeLessThanOrEqual(5);
  expect(open.get("tenantry")).toBeLessThanOrEqual(10);
  await Promise.all([feed, ...streams].map((stream) => stream.return?.()));
});

test("followers who ask at the same moment share a read, and join none that has begun", async () => {
  const reads = openSharedReads(world.platform.orm);
  const first = reads.eventsAfter(operation.id, 0);
  expect(reads.eventsAfter(operation.id, 0)).toBe(first);
  const behind = reads.eventsAfter(operation.id, 1);
  expect(behind).not.toBe(first);
  await turn();
  const later = reads.eventsAfter(operation.id, 0);
  expect(later).not.toBe(first);
  expect((await later).map(({ sequence }) => sequence)).toEqual([1]);
  expect(await first).toEqual(await later);
  expect(await behind).toEqual([]);
});
