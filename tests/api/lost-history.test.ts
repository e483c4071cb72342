import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { describeLoss } from "../../src/audit/lost-history.ts";
import { createServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { seedSuperuser } from "../../src/iam/users/platform-users.ts";
import { acceptLoss, findLoss } from "../../src/operations/health/history/accept-loss.ts";
import { watchHistory } from "../../src/operations/health/history/watch-history.ts";
import { tenantHealth } from "../../src/operations/health/tenant-health.ts";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, urlOf } from "../kit/database.ts";
import { perTest } from "../kit/lifetime.ts";
import { keepCopy } from "../kit/older-copy.ts";
import { openPlatform } from "../kit/platform.ts";
import { OPERATOR } from "../kit/tenants.ts";

const world = perTest(openPlatform);
const api = perTest(() => openTestApi(world));
const watch = perTest(async () => {
  const end = await watchHistory(world.platform);
  return { [Symbol.asyncDispose]: end };
});

const ME = "{ me { role } }";
const SIGN_IN = `mutation { signIn(input: { email: "root@tenantry.test", password: "no" }) {
  ... on UserError { code } } }`;

const path = async () => {
  const name = (await readdir(world.dataDir)).find((file) => file.startsWith("audit-head-"));
  return join(world.dataDir, name ?? "");
};
const noted = async (): Promise<{ sequence: number; hash: string; era: number }[]> =>
  JSON.parse(await readFile(await path(), "utf8"));
const onServer = async () => {
  const { platform } = world;
  const tenants = `${new URL(platform.databaseUrl).pathname.slice(1)}_tenants`;
  return await asSuperuser(urlOf(platform.databaseUrl, tenants), async (client) => {
    const { rows } = await client.query("select links from tenantry_control.audit_head");
    return rows[0]?.links as { sequence: number }[] | undefined;
  });
};
const head = async () => {
  const [row] = await world.platform.orm.em
    .fork()
    .execute<{ sequence: string }[]>("select sequence from platform.audit_head");
  return Number(row?.sequence);
};
const act = (email: string) =>
  seedSuperuser({ em: world.platform.orm.em, clock: world.platform.clock }, OPERATOR, { email });
const untilNoted = () =>
  vi.waitFor(
    async () => {
      const newest = await head();
      expect((await noted()).at(-1)?.sequence).toBe(newest);
      expect((await onServer())?.at(-1)?.sequence).toBe(newest);
    },
    { timeout: 20_000 },
  );
const code = (answer: { errors?: readonly { extensions?: Record<string, unknown> }[] }) =>
  answer.errors?.[0]?.extensions?.code;

test("an older database lets nobody in until somebody accepts it", async () => {
  expect(watch).toBeDefined();
  const { platform } = world;
  const administrator = await api.as("ADMINISTRATOR");
  const ports = { em: platform.orm.em, clock: platform.clock };
  const script = { name: "a script", role: "READONLY" };
  const { value } = await createServiceToken(ports, OPERATOR, script);
  await untilNoted();
  const kept = await head();
  const copy = await keepCopy(platform.databaseUrl);
  await vi.waitFor(() => administrator.ask(ME), { timeout: 10_000 });
  await act("lost@tenantry.test");
  await untilNoted();
  const lost = await head();
  await copy.promote();

  // From the very first answer of the older database on.
  for (const caller of [administrator, api.withToken(value)]) {
    const answer = await vi.waitUntil(
      async () => {
        const each = await caller.send(ME);
        return code(each) === "E_UNAVAILABLE" ? null : each;
      },
      { timeout: 20_000 },
    );
    expect({ status: answer.status, code: code(answer) }).toEqual({
      status: 503,
      code: "E_HISTORY_LOST",
    });
  }
  expect(code(await api.anonymous().send(SIGN_IN))).toBe("E_HISTORY_LOST");
  await vi.waitFor(() => expect(platform.history.loss).not.toBeNull(), { timeout: 10_000 });
  const loss = await findLoss(platform);
  expect(loss).toMatchObject({ noted: { sequence: lost }, kept: { sequence: kept } });
  expect(loss && describeLoss(loss)).toMatch(
    /^The platform database has lost what happened after row \d+ of the audit trail/,
  );
  expect(await (await fetch(new URL("/readyz", api.url))).json()).toEqual({
    status: "ready",
    warning: "E_HISTORY_LOST",
  });
  const healths = await tenantHealth(platform);
  expect(healths.flatMap((each) => each.findings).map((each) => each.code)).toEqual([
    "HISTORY_LOST",
  ]);

  await acceptLoss(platform, OPERATOR, "a test");
  expect(await administrator.ask(ME)).toMatchObject({ me: {} });
  await untilNoted();
  expect((await noted()).map(({ era }) => era)).toContain(1);
  expect(await findLoss(platform)).toBeNull();
  const trail = await platform.orm.em
    .fork()
    .execute<{ type: string }[]>(
      "select type from platform.audit_event where type like 'PLATFORM\\_LOSS%' order by sequence",
    );
  expect(trail.map(({ type }) => type)).toEqual([
    "PLATFORM_LOSS_NOTICED",
    "PLATFORM_LOSS_ACCEPTED",
  ]);
});

test("a db server that has seen a greater fence token tells of a loss", async () => {
  const { platform } = world;
  const tenants = `${new URL(platform.databaseUrl).pathname.slice(1)}_tenants`;
  await act("first@tenantry.test");
  await untilNoted();
  await asSuperuser(urlOf(platform.databaseUrl, tenants), async (client) => {
    await client.query("create schema if not exists tenantry_control");
    await client.query(
      "create table if not exists tenantry_control.fence (key text primary key, token bigint not null)",
    );
    await client.query("insert into tenantry_control.fence values ('k', 4711)");
  });
  await act("second@tenantry.test");
  await vi.waitFor(() => expect(platform.history.loss?.token).toBe(4711), { timeout: 20_000 });
  const [row] = await platform.orm.em
    .fork()
    .execute<{ next: string }[]>("select nextval('platform.fence_token') as next");
  expect(Number(row?.next)).toBe(4712);
  await acceptLoss(platform, OPERATOR, "a test");
  expect(await findLoss(platform)).toBeNull();
});

test("a spoilt file is not taken for a loss", async () => {
  await act("first@tenantry.test");
  await untilNoted();
  await writeFile(await path(), '[{"sequence":');
  await act("second@tenantry.test");
  await untilNoted();
  expect(world.platform.history.loss).toBeNull();
});
