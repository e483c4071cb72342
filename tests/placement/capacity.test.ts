import { expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import { setDbServerStatus, updateDbServer } from "../../src/placement/db-servers.ts";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { OPERATOR, provisionRequest } from "../kit/tenants.ts";

const world = perFile(openPlatform);

/** Asks again, as a client does, where a slow machine has had no connection free in time. */
const start = (): Promise<string> =>
  startOnTenant(
    world.platform,
    OPERATOR,
    world.platform.operations.provisionTenant,
    provisionRequest({ slug: freshSlug("race") }),
    {
      dryRun: false,
      idempotencyKey: null,
    },
  ).then(
    () => "STARTED",
    (error: Error & { code: string }) =>
      /^timeout exceeded when/.test(error.message) ? start() : error.code,
  );

const count = (answers: readonly string[]): Record<string, number> =>
  Object.fromEntries(
    [...Map.groupBy(answers, String)].map(([answer, all]) => [answer, all.length]),
  );

const held = async () => {
  const rows = await world.platform.orm.em.fork().execute<{ name: string; tenants: number }[]>(
    `select s.name, count(*)::int as tenants from platform.tenant t
     join platform.db_server s on s.id = t.db_server_id group by 1 order by 1`,
  );
  return Object.fromEntries(rows.map(({ name, tenants }) => [name, tenants]));
};

// No worker runs: what is counted is what was reserved when the operations were started.
test("200 provisions at once for 37 free places on two servers are exactly 37", async () => {
  const { platform } = world;
  const em = platform.orm.em.fork();
  await updateDbServer(platform, OPERATOR, { name: "default", capacityHint: 25 });
  const own = await em.findOneOrFail(DbServerEntity, { name: "default" });
  const second = { ...own, id: newId(), name: "second", port: 1, capacityHint: 12 };
  await em.insert(DbServerEntity, second);
  const answers = await Promise.all(Array.from({ length: 200 }, start));
  expect(count(answers)).toEqual({ STARTED: 37, E_NO_CAPACITY: 163 });
  expect(await held()).toEqual({ default: 25, second: 12 });
});

test("nothing is placed on a server once it is drained, whoever was under way", async () => {
  const { platform } = world;
  await updateDbServer(platform, OPERATOR, { name: "default", capacityHint: 1_000 });
  const under = Array.from({ length: 30 }, start);
  await setDbServerStatus(platform, OPERATOR, { name: "default", status: "DRAINING" });
  const { default: drained } = await held();
  const answers = await Promise.all(under);
  expect(await start()).toBe("E_NO_CAPACITY");
  expect((await held()).default).toBe(drained);
  expect(25 + (count(answers).STARTED ?? 0)).toBe(drained);
});
