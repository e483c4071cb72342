import { expect, test, vi } from "vitest";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import { act, register } from "./_tenant-operations.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));

const FOLLOW = `subscription ($filter: TenantFilter) {
  tenantUpdated(filter: $filter) { slug name status lockReason } }`;

/** Begins to follow; answers what has come, and the end of it. */
async function following(filter: object | null, as = administrator) {
  const before = world.platform.feed.followers;
  const stream = as.follow(FOLLOW, { filter });
  const seen: { slug: string; name: string; status: string; lockReason: string | null }[] = [];
  const reading = (async () => {
    for await (const { tenantUpdated } of stream) seen.push(tenantUpdated);
  })();
  await vi.waitFor(() => expect(world.platform.feed.followers).toBe(before + 1), 30_000);
  const stop = async () => {
    await stream.return?.();
    await reading;
  };
  return { seen, stop };
}

const rename = (slug: string, name: string) =>
  administrator.ask(
    `mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { __typename } }`,
    { input: { tenant: { slug }, name } },
  );

test("tells of every tenant that changes, by whatever way, as it then stands", async () => {
  const slug = await register(world, "ACTIVE");
  const { seen, stop } = await following(null);
  const of = (one: string) => seen.filter((each) => each.slug === one);
  await rename(slug, "First");
  await vi.waitFor(() => expect(of(slug).at(-1)?.name).toBe("First"), 30_000);
  await act(administrator, "lockTenant", { slug, reason: "legal hold" });
  await vi.waitFor(() => expect(of(slug).at(-1)?.lockReason).toBe("legal hold"), 30_000);
  const em = world.platform.orm.em.fork();
  await em.nativeUpdate(TenantEntity, { slug }, { name: "By another program" });
  await vi.waitFor(() => expect(of(slug).at(-1)?.name).toBe("By another program"), 30_000);
  const { operation } = await provision(world.platform, {});
  const made = operation.subjectName;
  await vi.waitFor(() => expect(of(made).at(-1)?.status).toBe("ACTIVE"), 30_000);
  expect(of(made)[0]?.status).toBe("PROVISIONING");
  await em.nativeUpdate(TenantEntity, { slug }, { status: "PURGED", dbServerId: null });
  await vi.waitFor(() => expect(of(slug).at(-1)?.status).toBe("PURGED"), 30_000);
  await stop();
});

test("tells with a filter of those that pass it, and of each change once", async () => {
  const [one, other] = [await register(world, "ACTIVE"), await register(world, "SUSPENDED")];
  const { seen, stop } = await following({ status: ["SUSPENDED"], slugs: [one, other] });
  await rename(one, "Not told");
  await rename(other, "Told");
  await vi.waitFor(() => expect(seen.at(-1)?.name).toBe("Told"), 30_000);
  const em = world.platform.orm.em.fork();
  await em.nativeUpdate(TenantEntity, { slug: one }, { status: "SUSPENDED" });
  await vi.waitFor(() => expect(seen.at(-1)?.slug).toBe(one), 30_000);
  expect(seen).toMatchObject([
    { slug: other, name: "Told" },
    { slug: one, name: "Not told", status: "SUSPENDED" },
  ]);
  await stop();
});

test("a filter by db servers is for whoever may read them", async () => {
  const billing = await api.as("BILLING");
  const stream = billing.follow(FOLLOW, { filter: { dbServer: ["default"] } });
  await expect(stream.next()).rejects.toThrow("E_FORBIDDEN");
});
