import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openTestApi } from "../kit/api.ts";
import { freshSlug } from "../kit/database.ts";
import { EVENTS, OPERATION } from "../kit/documents.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { register } from "./_tenant-operations.ts";

const migrations = perFile(() => openFolder(SMALL.TENANT_MIGRATIONS_DIR));
const world = perFile(() =>
  openPlatform({ environment: { TENANT_MIGRATIONS_DIR: migrations.path }, worker: true }),
);
const api = perFile(() => openTestApi(world));
const administrator = perFile(() => api.as("ADMINISTRATOR"));

const ERROR = "... on UserError { code message retryable }";
const UPDATE = `mutation ($input: UpdateTenantInput!) { answer: updateTenant(input: $input) {
  ... on UpdateTenantPayload { tenant { name version } } ${ERROR} } }`;
const UPDATE_SERVER = `mutation ($input: UpdateDbServerInput!) { answer: updateDbServer(input: $input) {
  ... on UpdateDbServerPayload { dbServer { capacityHint version } } ${ERROR} } }`;
const SET_ROLE = `mutation ($input: SetPlatformUserRoleInput!) { answer: setPlatformUserRole(input: $input) {
  ... on PlatformUserPayload { user { role version } } ${ERROR} } }`;
const STALE = { code: "E_VERSION_STALE", retryable: false };

const answer = async (document: string, input: object) =>
  (await administrator.ask(document, { input })).answer;

test("a change of a tenant is made of the version that was seen, or not at all", async () => {
  const slug = await register(world, "ACTIVE");
  const tenant = { slug };
  const { tenant: seen } = await administrator.ask(
    "query ($by: TenantBy!) { tenant(by: $by) { version } }",
    { by: tenant },
  );
  const labels = [
    { key: "z", value: "1" },
    { key: "a", value: "2" },
  ];
  const first = await answer(UPDATE, { tenant, name: "One", labels, ifVersion: seen.version });
  expect(first.tenant.name).toBe("One");
  expect(first.tenant.version).not.toBe(seen.version);
  expect(await answer(UPDATE, { tenant, name: "Two", ifVersion: seen.version })).toMatchObject(
    STALE,
  );
  const again = await answer(UPDATE, { tenant, name: "One", ifVersion: first.tenant.version });
  expect(again.tenant).toEqual(first.tenant);
  // What happens to it by itself is nobody's edit.
  await administrator.ask(
    `mutation ($tenant: TenantBy!) { lockTenant(input: { tenant: $tenant, reason: "x" }) { __typename } }`,
    { tenant },
  );
  expect((await answer(UPDATE, { tenant, ifVersion: first.tenant.version })).tenant.name).toBe(
    "One",
  );
  const without = await answer(UPDATE, { tenant, name: "One", ifVersion: null });
  expect(without.tenant).toEqual(again.tenant);
  const both = await Promise.all(
    ["Three", "Four"].map((name) =>
      answer(UPDATE, { tenant, name, ifVersion: again.tenant.version }),
    ),
  );
  expect(both.filter(({ code }) => code === "E_VERSION_STALE")).toHaveLength(1);
});

test("so is a change of a db server, and of a user's role", async () => {
  const { dbServer } = await administrator.ask(
    `{ dbServer(by: { name: "default" }) { capacityHint version } }`,
  );
  const { version: ifVersion } = dbServer;
  const change = { name: "default", capacityHint: 777 };
  const changed = await answer(UPDATE_SERVER, { ...change, ifVersion });
  expect(changed.dbServer.capacityHint).toBe(777);
  expect(await answer(UPDATE_SERVER, { ...change, capacityHint: 1, ifVersion })).toMatchObject(
    STALE,
  );
  const somebody = await api.as("SUPPORT");
  const { platformUser } = await administrator.ask(
    "query ($email: String!) { platformUser(by: { email: $email }) { id version } platformUsers { nodes { version } } }",
    { email: somebody.email },
  );
  const input = { userId: platformUser.id, role: "READONLY", ifVersion: platformUser.version };
  expect((await answer(SET_ROLE, input)).user.role).toBe("READONLY");
  expect(await answer(SET_ROLE, { ...input, role: "BILLING" })).toMatchObject(STALE);
});

const PROVISION = `mutation ($input: ProvisionTenantInput!) { answer: provisionTenant(input: $input) {
  ... on ProvisionTenantPayload { operation { id } tenant { slug } } ${ERROR} } }`;
const PLAN = `query ($id: ID!) { operation(id: $id) { state result {
  ... on ProvisionPlan { planHash laboratory firstAdmin dbServer schema } } } }`;

async function ended(id: string) {
  for await (const _ of administrator.follow(EVENTS, { id }));
  return (await administrator.ask(PLAN, { id })).operation.result;
}

async function planned(input: object) {
  const { operation } = await answer(PROVISION, { ...input, dryRun: true });
  return await ended(operation.id);
}

test("a plan is made as it was shown, or refused", async () => {
  const input = provisionRequest({ slug: freshSlug() });
  const plan = await planned(input);
  expect(plan).toMatchObject({
    laboratory: input.initialLaboratory,
    firstAdmin: input.adminEmail,
    dbServer: "default",
  });
  const { planHash } = plan;
  expect((await planned(input)).planHash).toBe(planHash);
  const stale = { code: "E_PLAN_STALE", retryable: false };
  expect(await answer(PROVISION, { ...input, name: "Another", planHash })).toMatchObject(stale);
  expect(await answer(PROVISION, { ...input, planHash: "x" })).toMatchObject(stale);
  await writeFile(join(migrations.path, "0004_more.sql"), "create table more (id int);");
  expect(await answer(PROVISION, { ...input, planHash })).toMatchObject({
    ...stale,
    message: "The migrations or seeds have changed since the plan was made",
  });
  const { tenants } = await administrator.ask(
    "query ($slugs: [String!]) { tenants(filter: { slugs: $slugs }) { totalCount } }",
    { slugs: [input.slug] },
  );
  expect(tenants.totalCount).toBe(0);
  const fresh = await planned(input);
  const { operation } = await answer(PROVISION, { ...input, planHash: fresh.planHash });
  for await (const _ of administrator.follow(EVENTS, { id: operation.id }));
  expect((await administrator.ask(OPERATION, { id: operation.id })).operation).toMatchObject({
    state: "SUCCEEDED",
    tenant: { schemaVersion: "0004_more" },
  });
});
