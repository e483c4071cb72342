import { describe, expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { openTestApi } from "../kit/api.ts";
import { freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { register } from "./_tenant-operations.ts";

const world = perFile(() => openPlatform());
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));

const UPDATE = `mutation ($tenant: TenantBy!) { answer: updateTenant(input: { tenant: $tenant, name: "By" }) {
  ... on UpdateTenantPayload { tenant { id name } }
  ... on UserError { code message } ... on ValidationError { issues { path } } } }`;
const SUSPEND = `mutation ($tenant: TenantBy!) { answer: suspendTenant(input: { tenant: $tenant, reason: "a test" }) {
  ... on SuspendTenantPayload { tenant { id } } ... on UserError { code message } } }`;
const INVITE = `mutation ($tenant: TenantBy!) { answer: inviteTenantAdmin(input: { tenant: $tenant, email: "by@acme.test", allowExistingUser: true }) {
  ... on InviteTenantAdminPayload { tenant { id } } ... on UserError { code message } } }`;
const LOCK = `mutation ($tenant: TenantBy!) { answer: lockTenant(input: { tenant: $tenant, reason: "a test" }) {
  ... on LockTenantPayload { tenant { id } } ... on UserError { code message } } }`;
const ACTS = {
  updateTenant: UPDATE,
  inviteTenantAdmin: INVITE,
  lockTenant: LOCK,
  suspendTenant: SUSPEND,
};

const idOf = async (slug: string) =>
  (await administrator.ask("query ($by: TenantBy!) { tenant(by: $by) { id } }", { by: { slug } }))
    .tenant.id as string;

/** A slug whose owner was purged and that another tenant has by now. */
async function slugOfTwo() {
  const em = world.platform.orm.em.fork();
  const slug = await register(world, "ACTIVE");
  const first = await idOf(slug);
  await em.nativeUpdate(TenantEntity, { id: first }, { status: "PURGED", dbServerId: null });
  await register(world, "ACTIVE", { slug });
  return { slug, first, second: await idOf(slug) };
}

describe.each(Object.entries(ACTS))("%s", (_name, document) => {
  test("finds a tenant by its slug and by its id", async () => {
    const [one, other] = [await register(world, "ACTIVE"), await register(world, "ACTIVE")];
    for (const tenant of [{ slug: one }, { id: await idOf(other) }]) {
      const { answer } = await administrator.ask(document, { tenant });
      expect(answer.tenant.id).toBe(await idOf("slug" in tenant ? one : other));
    }
  });

  test("by the id of a purged tenant leaves the slug's next owner alone", async () => {
    const { slug, first, second } = await slugOfTwo();
    const { answer } = await administrator.ask(document, { tenant: { id: first } });
    expect(answer).toEqual({
      code: "E_TENANT_NOT_FOUND",
      message: `No living tenant has the id '${first}'`,
    });
    const { tenant } = await administrator.ask(
      "query ($by: TenantBy!) { tenant(by: $by) { id name lockedAt activeOperation { id } members { nodes { id } } } }",
      { by: { slug } },
    );
    expect(tenant).toMatchObject({
      id: second,
      lockedAt: null,
      activeOperation: null,
      members: { nodes: [] },
    });
    expect(tenant.name).not.toBe("By");
  });

  test.each([
    ["an id that nobody has", { id: newId(0) }],
    ["an id of no form", { id: "acme" }],
    ["a slug that nobody has", { slug: freshSlug() }],
  ])("refuses %s", async (_what, tenant) => {
    expect((await administrator.ask(document, { tenant })).answer).toMatchObject({
      code: "E_TENANT_NOT_FOUND",
    });
  });
});

test("a faulty slug is named by its path in the input", async () => {
  const { answer } = await administrator.ask(UPDATE, { tenant: { slug: "x".repeat(64) } });
  expect(answer).toMatchObject({ code: "E_VALIDATION", issues: [{ path: ["tenant", "slug"] }] });
});
