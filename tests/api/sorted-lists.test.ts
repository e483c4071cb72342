import { beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import { TENANT_ORDERS } from "../../src/tenants/list.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { register } from "./_tenant-operations.ts";

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));

const COUNT = 23;
const slugs: string[] = [];

beforeAll(async () => {
  for (let index = 0; index < COUNT; index += 1) {
    const slug = await register(world, index % 3 === 0 ? "SUSPENDED" : "ACTIVE", {
      // Many are equal in what they are sorted by: nothing may be lost or doubled between them.
      name: `Name ${index % 4}`,
      schemaVersion: index % 5 === 0 ? null : `000${index % 3}_x`,
      tier: index % 2 === 0 ? "STANDARD" : "PREMIUM",
      labels: index % 2 === 0 ? { wave: "canary", team: "a" } : { wave: "rest" },
      requestedBy: index < 2 ? "sales" : null,
      ...(index === 0 ? { lockedAt: new Date(), lockReason: "legal" } : {}),
    });
    slugs.push(slug);
  }
});

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: TenantOrder, $filter: TenantFilter) {
  tenants(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy, filter: $filter) {
    totalCount nodes { slug name status schemaVersion }
    edges { cursor }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

interface Row {
  readonly slug: string;
}

async function page(variables: Record<string, unknown>) {
  return (await admin.ask(PAGE, variables)).tenants;
}

/** The slugs of a whole list, page by page from one of its ends. */
async function walk(orderBy: object, backward: boolean): Promise<string[]> {
  const seen: string[] = [];
  for (let cursor: string | null = null; ; ) {
    const way = backward ? { last: 4, before: cursor } : { first: 4, after: cursor };
    const { nodes, pageInfo } = await page({ orderBy, ...way });
    const found = nodes.map(({ slug }: Row) => slug);
    if (backward) seen.unshift(...found);
    else seen.push(...found);
    expect(backward ? pageInfo.hasNextPage : pageInfo.hasPreviousPage).toBe(cursor !== null);
    if (!(backward ? pageInfo.hasPreviousPage : pageInfo.hasNextPage)) return seen;
    cursor = backward ? pageInfo.startCursor : pageInfo.endCursor;
  }
}

describe.each(Object.keys(TENANT_ORDERS))("tenants sorted by %s", (field) => {
  test.each(["ASC", "DESC"])("%s are the same from both ends, each once", async (direction) => {
    const forward = await walk({ field, direction }, false);
    expect([...forward].sort()).toEqual([...slugs].sort());
    expect(await walk({ field, direction }, true)).toEqual(forward);
    const other = direction === "ASC" ? "DESC" : "ASC";
    expect(await walk({ field, direction: other }, false)).toEqual(forward.reverse());
  });
});

test("they are in the order that was asked for, those without a version first", async () => {
  const { nodes } = await page({ first: 100, orderBy: { field: "SCHEMA_VERSION" } });
  const versions = nodes.map((row: { schemaVersion: string | null }) => row.schemaVersion ?? "");
  expect(versions).toEqual([...versions].sort());
  expect(versions[0]).toBe("");
});

test("a cursor of another order is refused, and so are both directions at once", async () => {
  const { pageInfo } = await page({ first: 2, orderBy: { field: "NAME" } });
  const moved = await admin.send(PAGE, { after: pageInfo.endCursor, orderBy: { field: "SLUG" } });
  expect(moved.errors?.[0]?.extensions?.code).toBe("E_INVALID_CURSOR");
  const both = await admin.send(PAGE, { first: 1, last: 1 });
  expect(both.errors?.[0]?.extensions?.code).toBe("E_VALIDATION");
  const cost = await admin.send(PAGE, { last: 101 });
  expect(cost.errors?.[0]?.extensions?.code).toBe("E_VALIDATION");
});

test("filters take several values, and all of them are asked", async () => {
  const count = async (filter: object) => (await page({ filter })).totalCount;
  const evens = Math.ceil(COUNT / 2);
  expect(await count({ status: ["SUSPENDED", "ACTIVE"] })).toBe(COUNT);
  expect(await count({ status: "SUSPENDED" })).toBe(Math.ceil(COUNT / 3));
  expect(await count({ status: ["FAILED"] })).toBe(0);
  expect(await count({ slugs: slugs.slice(0, 3) })).toBe(3);
  expect(await count({ labels: [{ key: "wave", value: "canary" }] })).toBe(evens);
  const both = [
    { key: "wave", value: "canary" },
    { key: "team", value: "b" },
  ];
  expect(await count({ labels: both })).toBe(0);
  // The key has one value: nobody has two.
  const twice = ["rest", "canary"].map((value) => ({ key: "wave", value }));
  expect(await count({ labels: twice })).toBe(0);
  expect(await count({ tier: ["PREMIUM"], labels: [{ key: "wave", value: "canary" }] })).toBe(0);
  expect(await count({ locked: true })).toBe(1);
  expect(await count({ locked: false })).toBe(COUNT - 1);
  expect(await count({ onBehalfOf: "sales" })).toBe(2);
  expect(await count({ dbServer: ["default"] })).toBe(COUNT);
  expect(await count({ dbServer: ["nowhere"] })).toBe(0);
  expect(await count({ dbServer: [] })).toBe(0);
  expect(await count({ createdAfter: "2020-01-01T00:00:00Z" })).toBe(COUNT);
  expect(await count({ createdBefore: "2020-01-01T00:00:00Z" })).toBe(0);
});

test.each([
  ["N", COUNT],
  ["nA", COUNT],
  ["ME 1", 6],
  ["me_1", 0],
  ["1name", 0],
])("the text %j is found in any case, at any length, as it is", async (text, found) => {
  expect((await page({ filter: { slugs, text } })).totalCount).toBe(found);
});

test("who may not read db servers cannot find out by a filter what is on one", async () => {
  const billing = await api.as("BILLING");
  const refused = await billing.send(PAGE, { filter: { dbServer: ["default"] } });
  expect(refused.errors?.[0]?.extensions?.code).toBe("E_FORBIDDEN");
  expect(
    (await billing.ask(PAGE, { filter: { status: ["ACTIVE"] } })).tenants.totalCount,
  ).toBeGreaterThan(0);
});

test("a tenant's labels are set with it, and changed", async () => {
  const slug = `labelled-${newId().slice(-6)}`;
  const input = { slug, name: "L", adminEmail: "l@example.com", initialLaboratory: "L" };
  const labels = [
    { key: "wave", value: "1" },
    { key: "team", value: "b" },
  ];
  const SHOWN = "tenant { slug labels { key value } }";
  const { provisionTenant } = await admin.ask(
    `mutation ($input: ProvisionTenantInput!) { provisionTenant(input: $input) {
      ... on ProvisionTenantPayload { ${SHOWN} } ... on UserError { code message } } }`,
    { input: { ...input, labels } },
  );
  expect(provisionTenant.tenant.labels).toEqual([...labels].reverse());
  const UPDATE = `mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) {
    ... on UpdateTenantPayload { ${SHOWN} } ... on ValidationError { issues { path message } } } }`;
  const changed = { input: { tenant: { slug }, labels: [{ key: "wave", value: "2" }] } };
  expect((await admin.ask(UPDATE, changed)).updateTenant.tenant.labels).toEqual([
    { key: "wave", value: "2" },
  ]);
  const doubled = { input: { tenant: { slug }, labels: [...labels, ...labels] } };
  expect((await admin.ask(UPDATE, doubled)).updateTenant.issues).toEqual([
    { path: ["labels"], message: "must have each key once" },
  ]);
});
