import { beforeAll, expect, test } from "vitest";
import { tenantry } from "../cli/_run.ts";
import { type Caller, openTestApi } from "../kit/api.ts";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";

const slug = freshSlug();

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));
beforeAll(() => provision(world.platform, { slug, seeds: [] }));

/** The refusals that the trail tells of an actor, the oldest first. */
const toldOf = async (caller: Caller) => {
  const { me } = await caller.ask("{ me { actor { id: principalId } } }");
  return await refusals("actor_id = ?", me.actor.id);
};
const refusals = (where: string, value: string) =>
  world.platform.orm.em.fork().execute(
    `select type, actor_kind as kind, address, tenant_slug as slug, detail from platform.audit_event
       where type like '%REFUSED' and ${where} order by sequence`,
    [value],
  );

const refusedOf = async (answer: ReturnType<Caller["send"]>) =>
  (await answer).errors?.map(({ extensions }) => extensions?.code);

test("what a role does not allow is told, with who asked and from where", async () => {
  const caller = await api.as("READONLY");
  const lock = `mutation { lockTenant(input: { tenant: { slug: "${slug}" }, reason: "x" }) { __typename } }`;
  expect(await refusedOf(caller.send(lock))).toEqual(["E_FORBIDDEN"]);
  await expect(caller.follow(lock).next()).rejects.toThrow("E_FORBIDDEN");
  expect(await toldOf(caller)).toEqual([
    {
      type: "ACCESS_REFUSED",
      kind: "USER",
      address: "127.0.0.1",
      slug: null,
      detail: { action: "tenant:lock", times: 1 },
    },
  ]);
});

test("what an operation refuses inside of its transaction is told, and nothing else is left", async () => {
  const caller = await api.as("PROVISIONER");
  const force = `mutation { activateTenant(input: { tenant: { slug: "${slug}" }, force: true, reason: "x" }) { __typename } }`;
  expect(await refusedOf(caller.send(force))).toEqual(["E_FORBIDDEN"]);
  const [told, ...more] = await toldOf(caller);
  expect(told).toMatchObject({ detail: { action: "tenant:force", times: 1 } });
  expect(more).toEqual([]);
  const { operations } = await caller.ask(
    `{ operations(filter: { slug: "${slug}", kind: ACTIVATE }) { nodes { id } } }`,
  );
  expect(operations.nodes).toEqual([]);
});

test("whoever asks in a loop, also at the same moment, does not fill the trail", async () => {
  const caller = await api.as("BILLING");
  const unlock = `mutation { unlockTenant(input: { tenant: { slug: "${slug}" } }) { __typename } }`;
  const codes = await Promise.all(Array.from({ length: 25 }, () => refusedOf(caller.send(unlock))));
  expect(codes.flat()).toEqual(Array.from({ length: 25 }, () => "E_FORBIDDEN"));
  const told = await toldOf(caller);
  expect(told.map(({ detail }) => detail.times).sort()).toEqual([1, 10]);
});

test("deleting a locked tenant is refused and told, by both doors", async () => {
  const lock = `mutation { lockTenant(input: { tenant: { slug: "${slug}" }, reason: "legal hold" }) { __typename } }`;
  await administrator.ask(lock);
  const { offboardTenant } = await administrator.ask(
    `mutation { offboardTenant(input: { tenant: { slug: "${slug}" } }) { ... on UserError { code } } }`,
  );
  expect(offboardTenant.code).toBe("E_TENANT_LOCKED");
  const command = ["tenant", "offboard", "--slug", slug, "--yes"];
  expect((await tenantry(command, world.environment)).end).toBe(1);
  const told = await refusals("tenant_slug = ?", slug);
  const fact = { type: "TENANT_DELETION_REFUSED", slug, detail: { kind: "OFFBOARD", times: 1 } };
  expect(told).toEqual([
    { ...fact, kind: "USER", address: "127.0.0.1" },
    { ...fact, kind: "OS_USER", address: null },
  ]);
});
