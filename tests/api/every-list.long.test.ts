import { type GraphQLField, type GraphQLObjectType, getNullableType, isObjectType } from "graphql";
import { beforeAll, describe, expect, test } from "vitest";
import { schema } from "../../src/api/schema.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { CONNECTIONS, fillLists } from "./_listed.ts";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));

/** The ids of objects of the types that have lists, beside Query. */
const ids: Record<string, string> = {};
beforeAll(async () => void Object.assign(ids, await fillLists(world, api)));

/** The document that reads a page of a list: its variables have the types of the arguments. */
function pageOf(parent: GraphQLObjectType, field: GraphQLField<unknown, unknown>): string {
  const paging = field.args.filter(({ name }) => /^(first|after|last|before)$/.test(name));
  const variables = paging.map(({ name, type }) => `$${name}: ${type}`).join(", ");
  const args = paging.map(({ name }) => `${name}: $${name}`).join(", ");
  const list = `list: ${field.name}(${args}) { edges { cursor node { id } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`;
  return parent === schema.getQueryType()
    ? `query (${variables}) { ${list} }`
    : `query ($id: ID!, ${variables}) { node(id: $id) { ... on ${parent.name} { ${list} } } }`;
}

/** The ids of a whole list, page by page from one of its ends. */
async function walk({ parent, field }: (typeof CONNECTIONS)[number], backward: boolean) {
  const seen: string[] = [];
  for (let cursor: string | null = null; ; ) {
    const way = backward ? { last: 2, before: cursor } : { first: 2, after: cursor };
    const data = await admin.ask(pageOf(parent, field), { id: ids[parent.name], ...way });
    const { edges, nodes, pageInfo } = (data.node ?? data).list;
    const found = edges.map(({ node }: { node: { id: string } }) => node.id);
    expect(nodes.map(({ id }: { id: string }) => id)).toEqual(found);
    expect([pageInfo.startCursor, pageInfo.endCursor]).toEqual([
      edges[0].cursor,
      edges.at(-1).cursor,
    ]);
    if (backward) seen.unshift(...found);
    else seen.push(...found);
    if (!(backward ? pageInfo.hasPreviousPage : pageInfo.hasNextPage)) return seen;
    cursor = backward ? pageInfo.startCursor : pageInfo.endCursor;
  }
}

test("the schema has these lists", () => {
  expect(CONNECTIONS.map(({ list }) => list).sort()).toMatchInlineSnapshot(`
    [
      "DbServer.tenants",
      "Operation.events",
      "Query.auditEvents",
      "Query.operations",
      "Query.platformUsers",
      "Query.serviceTokens",
      "Query.tenants",
      "Tenant.invitations",
      "Tenant.members",
      "Tenant.operations",
    ]
  `);
});

describe.each(CONNECTIONS)("$list", (list) => {
  test("takes its cursors as it gave them, by their types", () => {
    const argument = (name: string) => list.field.args.find((arg) => arg.name === name)?.type;
    const fieldOf = (type: unknown, name: string) =>
      isObjectType(type) ? String(type.getFields()[name]?.type) : undefined;
    const pageInfo = schema.getType("PageInfo");
    const edge = schema.getType(
      String(getNullableType(list.field.type)).replace(/Connection$/, "Edge"),
    );
    expect([argument("first"), argument("last")].map(String)).toEqual(["Int", "Int"]);
    expect(fieldOf(pageInfo, "endCursor")).toBe(String(argument("after")));
    expect(fieldOf(pageInfo, "startCursor")).toBe(String(argument("before")));
    expect(fieldOf(edge, "cursor")).toBe(`${argument("after")}!`);
  });

  test("is the same from both ends, each entry once", async () => {
    const forward = await walk(list, false);
    expect(forward.length).toBeGreaterThan(2);
    expect(new Set(forward).size).toBe(forward.length);
    expect(await walk(list, true)).toEqual(forward);
  });
});
