import { beforeAll, describe, expect, test } from "vitest";
import { type Caller, openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";

let ids: string[];

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));
beforeAll(async () => {
  ids = [];
  for (const slug of ["page-a", "page-b", "page-c", "page-d", "page-e"]) {
    const input = {
      slug,
      name: `Name of ${slug}`,
      adminEmail: "a@example.com",
      initialLaboratory: "L",
    };
    const { provisionTenant } = await ask(
      "mutation($input: ProvisionTenantInput!) { provisionTenant(input: $input) { ... on ProvisionTenantPayload { operation { id } } } }",
      { input: { ...input, dryRun: slug !== "page-e" } },
    );
    ids.unshift(provisionTenant.operation.id);
  }
});
const ask: Caller["ask"] = (query, variables) => admin.ask(query, variables);

const PAGE = `query($first: Int!, $after: String) {
  operations(first: $first, after: $after) {
    totalCount nodes { id } edges { cursor }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

describe("a list", () => {
  test("is read page by page, the newest first, each entry once", async () => {
    const seen: string[] = [];
    let after: string | null = null;
    for (let pages = 1; ; pages += 1) {
      const { operations } = await ask(PAGE, { first: 2, after });
      const { pageInfo, nodes, edges, totalCount } = operations;
      expect(totalCount).toBe(5);
      expect(pageInfo.hasPreviousPage).toBe(pages > 1);
      expect([pageInfo.startCursor, pageInfo.endCursor]).toEqual([
        edges[0].cursor,
        edges.at(-1).cursor,
      ]);
      seen.push(...nodes.map((node: { id: string }) => node.id));
      after = pageInfo.endCursor;
      if (!pageInfo.hasNextPage) break;
    }
    expect(seen).toEqual(ids);
  });

  test("that is empty has no cursors", async () => {
    const { operations } = await ask(
      '{ operations(filter: { slug: "nowhere" }) { nodes { id } pageInfo { hasNextPage startCursor endCursor } } }',
    );
    const pageInfo = { hasNextPage: false, startCursor: null, endCursor: null };
    expect(operations).toEqual({ nodes: [], pageInfo });
  });

  test("of tenants is filtered, and takes a filter's text as it is", async () => {
    const slugs = async (filter: object) => {
      const query = "query($filter: TenantFilter) { tenants(filter: $filter) { nodes { slug } } }";
      const { tenants } = await ask(query, { filter });
      return tenants.nodes.map(({ slug }: { slug: string }) => slug);
    };
    expect(await slugs({ text: "OF PAGE", status: "PROVISIONING" })).toEqual(["page-e"]);
    expect(await slugs({ text: "page%" })).toEqual([]);
    expect(await slugs({ status: "ACTIVE" })).toEqual([]);
    expect(await slugs({ isolation: "DATABASE" })).toEqual([]);
  });

  test("of operations tells the active ones", async () => {
    const query = "query($a: Boolean) { operations(filter: { active: $a }) { totalCount } }";
    expect(await ask(query, { a: true })).toEqual({ operations: { totalCount: 5 } });
    expect(await ask(query, { a: false })).toEqual({ operations: { totalCount: 0 } });
  });

  test("of operations leaves dry runs out, or holds nothing else", async () => {
    const count = async (dryRun: boolean) =>
      (
        await ask(
          "query ($filter: OperationFilter) { operations(filter: $filter) { totalCount } }",
          {
            filter: { dryRun },
          },
        )
      ).operations.totalCount;
    expect([await count(true), await count(false)]).toEqual([4, 1]);
  });
});

describe("an id", () => {
  test("leads to whatever has it, and nowhere otherwise", async () => {
    const { tenant, dbServers } = await ask(
      '{ tenant(by: { slug: "page-e" }) { id dbServer { id } activeOperation { id } } dbServers { id } }',
    );
    expect(tenant.activeOperation.id).toBe(ids[0]);
    const { nodes } = await ask("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", {
      ids: [tenant.id, ids[0], dbServers[0].id, "nonsense", "01a1fbed-b29a-70d2-8c55-85317a02f6a4"],
    });
    expect(nodes).toEqual([
      { __typename: "Tenant", id: tenant.id },
      { __typename: "Operation", id: ids[0] },
      { __typename: "DbServer", id: dbServers[0].id },
      null,
      null,
    ]);
  });
});

describe("what a role may not see", () => {
  test("is null, and the rest is there", async () => {
    const query =
      '{ tenant(by: { slug: "page-e" }) { slug secretName } dbServers { name host port } }';
    const as = async (role: string) => {
      const { orm } = world.platform;
      await orm.em.fork().execute("update platform.platform_user set role = ?", [role]);
      return await ask(query);
    };
    expect(await as("SUPPORT")).toEqual({
      tenant: { slug: "page-e", secretName: null },
      dbServers: [{ name: "default", host: null, port: null }],
    });
    const { tenant, dbServers } = await as("ADMINISTRATOR");
    expect(tenant.secretName).toBe("tenant-db-page-e");
    expect(dbServers[0].port).toBeTypeOf("number");
  });
});
