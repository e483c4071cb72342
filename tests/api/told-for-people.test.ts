import { expect, test } from "vitest";
import { openTestApi } from "../kit/api.ts";
import { PROVISION } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision, provisionRequest } from "../kit/tenants.ts";
import { register } from "./_tenant-operations.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));

test("an audit event is told in a sentence, with what was changed", async () => {
  const slug = await register(world, "ACTIVE");
  const somebody = await api.as("SUPPORT");
  const { platformUser } = await administrator.ask(
    "query ($email: String!) { platformUser(by: { email: $email }) { id } }",
    { email: somebody.email },
  );
  await administrator.ask(
    `mutation ($tenant: TenantBy!, $userId: ID!) {
      updateTenant(input: { tenant: $tenant, vertical: "dental" }) { __typename }
      setPlatformUserRole(input: { userId: $userId, role: READONLY }) { __typename } }`,
    { tenant: { slug }, userId: platformUser.id },
  );
  const { auditEvents } = await administrator.ask(
    "{ auditEvents(first: 2) { nodes { type summary changes { field from to } } } }",
  );
  const [role, update] = auditEvents.nodes;
  expect(update).toEqual({
    type: "TENANT_UPDATED",
    summary:
      "Name, tier, limits, line of business or support contacts were changed: vertical from null to dental.",
    changes: [{ field: "vertical", from: null, to: "dental" }],
  });
  expect(role).toMatchObject({
    type: "PLATFORM_USER_ROLE_SET",
    changes: [{ field: "role", from: "SUPPORT", to: "READONLY" }],
  });
  expect(role.summary).toMatch(
    /^A platform user was given another role: .*\brole from SUPPORT to READONLY/,
  );
});

test("a tenant's health is a field of it, for whoever may read operations", async () => {
  const { operation } = await provision(world.platform, {});
  const query = `query ($slug: String!) { tenant(by: { slug: $slug }) {
    health { healthy looked findings { id code } } } }`;
  const of = async (slug: string, caller = administrator) =>
    (await caller.ask(query, { slug })).tenant.health;
  const slug = operation.subjectName;
  expect(await of(slug)).toMatchObject({ healthy: true, findings: [] });
  expect((await of(slug)).looked).toContain("LOGIN");
  const ill = await register(world, "ACTIVE");
  const found = await of(ill, await api.as("READONLY"));
  expect(found.healthy).toBe(false);
  const ids = found.findings.map(({ id }: { id: string }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect((await of(ill)).findings.map(({ id }: { id: string }) => id)).toEqual(ids);
  expect(await of(slug, await api.as("BILLING"))).toBeNull();
});

test("an operation's progress goes by what its phases usually take", async () => {
  const { provisionTenant } = await administrator.ask(PROVISION, { input: provisionRequest() });
  const { id } = provisionTenant.operation;
  const seen: { progress: number; phases: { state: string; name: string }[] }[] = [];
  for (let state = ""; state !== "SUCCEEDED"; ) {
    const { operation } = await administrator.ask(
      "query ($id: ID!) { operation(id: $id) { state progress phases { name state } } }",
      { id },
    );
    state = operation.state;
    seen.push(operation);
  }
  const progress = seen.map((each) => each.progress);
  expect(progress).toEqual(progress.toSorted((one, other) => one - other));
  expect(progress.at(-1)).toBe(1);
  // Migrations are most of it: before they are applied it is not half done, though nearly half of its phases are.
  const migrating = seen.filter(({ phases }) =>
    phases.some(({ name, state }) => name === "MIGRATIONS_APPLIED" && state === "PENDING"),
  );
  for (const each of migrating) expect(each.progress).toBeLessThan(0.3);
});
