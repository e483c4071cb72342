import { expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, provision } from "../kit/tenants.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));

const MEND = `mutation ($input: MendTenantsInput!) {
  mendTenants(input: $input) {
    __typename
    ... on MendTenantsPayload {
      mended { slug code repair } failed { code message } operations { id kind }
    }
    ... on UserError { code }
  }
}`;

async function provisioned() {
  const { operation } = await provision(world.platform, { seeds: [] });
  return await tenantBySlug(world.platform.orm.em.fork(), operation.subjectName);
}

const onServer = (sql: string) =>
  asSuperuser(`${world.platform.databaseUrl}_tenants`, (client) => client.query(sql));

test("remedies are applied by name, those that decide by an administrator alone", async () => {
  const { slug, appRole } = await provisioned();
  const provisioner = await api.as("PROVISIONER");
  const mend = async (caller: typeof provisioner, ...remedies: string[]) =>
    await caller.send(MEND, { input: { slug, remedies } });

  await onServer(`alter role ${appRole} nologin`);
  const { errors } = await mend(provisioner, "SET_LOGIN", "FOLLOW_STATUS");
  expect(errors?.map(({ extensions }) => extensions?.code)).toEqual(["E_FORBIDDEN"]);
  const named = await provisioner.ask(MEND, { input: { slug, remedies: ["MIGRATE"] } });
  expect(named.mendTenants).toMatchObject({ mended: [], failed: [], operations: [] });
  const { mendTenants } = await provisioner.ask(MEND, { input: { slug, remedies: ["SET_LOGIN"] } });
  expect(mendTenants).toMatchObject({
    mended: [{ slug, code: "ROLE_CANNOT_LOGIN", repair: "SET_LOGIN" }],
    failed: [],
    operations: [],
  });

  await onServer(`alter role ${appRole} nologin`);
  const administrator = await api.as("ADMINISTRATOR");
  const followed = await administrator.ask(MEND, { input: { slug, remedies: ["FOLLOW_STATUS"] } });
  expect(followed.mendTenants.mended).toMatchObject([{ repair: "FOLLOW_STATUS" }]);
  const ask = `{ tenant(by: { slug: "${slug}" }) { status } tenantHealth(slug: "${slug}") { findings { code } } }`;
  expect(await administrator.ask(ask)).toMatchObject({
    tenant: { status: "SUSPENDED" },
    tenantHealth: [{ findings: [] }],
  });
});

test("a remedy that is an operation is answered with it", async () => {
  const { slug, schemaName } = await provisioned();
  await onServer(`drop schema ${schemaName} cascade`);
  const provisioner = await api.as("PROVISIONER");
  const { mendTenants } = await provisioner.ask(MEND, { input: { slug, remedies: ["MIGRATE"] } });
  expect(mendTenants.operations).toMatchObject([{ kind: "MIGRATE" }]);
  const { operation } = await followToEnd(world.platform, mendTenants.operations[0].id);
  expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
});

test("what is safe is applied where no remedies are named, and told beforehand", async () => {
  const { slug, appRole } = await provisioned();
  const other = await provisioned();
  await onServer(`alter role ${appRole} nologin; alter role ${other.appRole} nologin`);
  const ask = `{ tenantHealth(slug: "${slug}") { slug findings { code repair safe remedies { repair } } } }`;
  const provisioner = await api.as("PROVISIONER");
  const { tenantHealth } = await provisioner.ask(ask);
  const remedies = [{ repair: "SET_LOGIN" }, { repair: "FOLLOW_STATUS" }];
  const finding = { code: "ROLE_CANNOT_LOGIN", repair: "SET_LOGIN", safe: true, remedies };
  expect(tenantHealth).toEqual([{ slug, findings: [finding] }]);
  for (const input of [{ slugs: [other.slug, "nobody"] }, { slug }]) {
    const { mendTenants } = await provisioner.ask(MEND, { input });
    const told = { code: "ROLE_CANNOT_LOGIN", repair: "SET_LOGIN" };
    expect(mendTenants.mended).toEqual([{ slug: input.slug ?? other.slug, ...told }]);
  }
});

test("what has no safe remedy is left alone until one is named", async () => {
  const slug = freshSlug("stray");
  const schema = `org_${slug.replaceAll("-", "_")}`;
  const mark = `tenantry:tenant=${newId()}`;
  await onServer(`create schema ${schema}; comment on schema ${schema} is '${mark}'`);
  const administrator = await api.as("ADMINISTRATOR");
  const ask = `{ tenantHealth(slug: "${slug}") { slug tenant { id } findings { code repair safe } } }`;
  const { tenantHealth } = await administrator.ask(ask);
  const finding = { code: "ORPHAN", repair: null, safe: false };
  expect(tenantHealth).toEqual([{ slug, tenant: null, findings: [finding] }]);
  const left = await administrator.ask(MEND, { input: { slug } });
  expect(left.mendTenants).toMatchObject({ mended: [], failed: [], operations: [] });
  const dropped = await administrator.ask(MEND, { input: { slug, remedies: ["DROP"] } });
  expect(dropped.mendTenants.mended).toMatchObject([{ slug, code: "ORPHAN", repair: "DROP" }]);
});
