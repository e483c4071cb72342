import { getIntrospectionQuery, parse } from "graphql";
import { describe, expect, test } from "vitest";
import { schema } from "../../src/api/schema.ts";
import { checkCost, costOf } from "../../src/api/transport/cost.ts";
import { checkShape, QUERY_LIMITS } from "../../src/api/transport/limits.ts";

const nested = (levels: number) => `{${"a{".repeat(levels - 1)}a${"}".repeat(levels - 1)}}`;
const bomb = (levels: number) =>
  [
    "{...F0}",
    ...Array.from(
      { length: levels },
      (_, at) => `fragment F${at} on Query{...F${at + 1} ...F${at + 1}}`,
    ),
    `fragment F${levels} on Query{__typename}`,
  ].join(" ");
const chain = (levels: number) =>
  [
    ...Array.from({ length: levels }, (_, at) => `fragment F${at} on Query{...F${at + 1}}`),
    `fragment F${levels} on Query{__typename}`,
  ].join(" ");
const times = (count: number, text: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => text(at)).join(" ");

describe("the shape of a document", () => {
  test.each([
    ["depth", nested(QUERY_LIMITS.depth + 1)],
    ["fields", `{${times(QUERY_LIMITS.fields + 1, () => "a")}}`],
    ["fields", bomb(40)],
    ["aliases", `{${times(QUERY_LIMITS.aliases + 1, (at) => `a${at}:a`)}}`],
    ["directives", `{a ${times(QUERY_LIMITS.directives + 1, () => "@include(if:true)")}}`],
    ["sign-ins", "mutation{a:signIn{b} b:tenantSignIn{b}}"],
    ["sign-ins", "mutation{a:requestTenantPasswordReset{b} b:requestTenantPasswordReset{b}}"],
    ["sign-ins", "mutation{resetTenantPassword{b} tenantSignIn{b}}"],
    ["sign-ins", "mutation{...F ...F} fragment F on Mutation{signIn{b}}"],
    ["nesting", `{...F0} ${chain(60)}`],
    ["nesting", `{a} ${chain(60)}`],
    ["nesting", `{${"...{".repeat(500)}a${"}".repeat(500)}}`],
    ["nesting", `{a(b:${"[".repeat(900)}${"]".repeat(900)})}`],
    ["nesting", `{a(b:${"{c:".repeat(400)}1${"}".repeat(400)})}`],
    ["nesting", `query($b:${"[".repeat(900)}Int${"]".repeat(900)}){a}`],
    ["introspection of the whole schema", "{a:__schema{b} __schema{b}}"],
    ["aliases", `{__schema{${times(4, (at) => `a${at}:types{name}`)}}}`],
    ["depth", `query Small{a} query Large${nested(QUERY_LIMITS.depth + 1)}`],
  ])("is refused for its %s", (limit, query) => {
    expect(() => checkShape(parse(query))).toThrow(new RegExp(`at most \\d+ ${limit}`));
  });

  test.each([
    ["at the limit of depth", nested(QUERY_LIMITS.depth)],
    ["of a whole introspection", getIntrospectionQuery({ oneOf: true })],
    ["whose fragments go round in circles", "{...A} fragment A on Query{...A}"],
    ["that spreads an unknown fragment", "{...Nowhere}"],
  ])("passes %s", (_what, query) => {
    expect(() => checkShape(parse(query))).not.toThrow();
  });
});

const cost = (query: string, variables: Record<string, unknown> = {}) =>
  costOf({ schema, document: parse(query), variables });

describe("the cost of a request", () => {
  test("counts objects, not their fields", () => {
    expect(cost("{ me { role grants actor { name } } }")).toBe(2);
  });

  test("is multiplied by the page size, however it is given", () => {
    const page = 1 + 50 * 1;
    expect(cost("{ tenants(first: 50) { nodes { slug } } }")).toBe(page);
    expect(cost("query($n: Int!) { tenants(first: $n) { nodes { slug } } }", { n: 50 })).toBe(page);
    expect(cost("query($n: Int! = 50) { tenants(first: $n) { nodes { slug } } }")).toBe(page);
    expect(cost("{ tenants { nodes { slug } } }")).toBe(1 + 20 * 1);
  });

  test("multiplies pages inside pages, also through fragments", () => {
    const plain = "{ tenants(first:9) { nodes { operations(first:7) { nodes { id } } } } }";
    const spread =
      "{ tenants(first:9) { nodes { ...T } } } fragment T on Tenant { operations(first:7) { ...P } } fragment P on OperationConnection { nodes { id } }";
    expect(cost(plain)).toBe(1 + 9 * (1 + (1 + 7 * 1)));
    expect(cost(spread)).toBe(cost(plain));
  });

  test("counts a tenant's people by their pages", () => {
    const members = "{ tenants(first: 3) { nodes { members(first: 50) { nodes { id } } } } }";
    expect(cost(members)).toBe(1 + 3 * (1 + (1 + 50)));
    const invitations = "{ tenant(by: {}) { invitations { nodes { id identity { email } } } } }";
    expect(cost(invitations)).toBe(1 + (1 + 20 * 2));
  });

  test("has room for a few looks at tenants, and not for thirty", () => {
    const looks = (count: number) => ({
      schema,
      variables: {},
      document: parse(
        `{ ${times(count, (at) => `a${at}: tenantHealth(slug: "acme") { healthy findings { code message } operation { id } }`)} }`,
      ),
    });
    expect(() => checkCost(looks(3), QUERY_LIMITS)).not.toThrow();
    for (const count of [4, 30]) {
      expect(() => checkCost(looks(count), QUERY_LIMITS)).toThrow("at most 10000 objects");
    }
  });

  test("is refused beyond the limit", () => {
    const query = `query($n: Int!) {
      tenants(first: $n) { nodes { operations(first: $n) { nodes { phases { name } } } } }
    }`;
    const request = (n: number) => ({ schema, document: parse(query), variables: { n } });
    expect(() => checkCost(request(100), QUERY_LIMITS)).toThrow("at most 10000 objects");
    expect(() => checkCost(request(20), QUERY_LIMITS)).not.toThrow();
  });
});
