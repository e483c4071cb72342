import { buildSchema } from "graphql";
import { describe, expect, test } from "vitest";
import { faultsSinceRelease } from "../../src/api/print-schema.ts";
import { faultsSince } from "../../src/api/schema-changes.ts";

const RELEASED = `
  type Query { tenants(filter: TenantFilter, first: Int = 20): [Tenant!]!, operation(id: ID): String }
  type Tenant { id: ID!, slug: String!, name: String!, status: Status! }
  enum Status { ACTIVE, FAILED }
  input TenantFilter { status: Status }
`;

/** The faults of the released schema with one text in place of another. */
function faultsOf(text: string, replacement: string, accepted: string[] = []): string[] {
  expect(RELEASED).toContain(text);
  return faultsSince(
    RELEASED,
    buildSchema(RELEASED.replace(text, replacement)),
    accepted.map((change) => ({ change, reason: "nobody asked for it" })),
  );
}

describe("the released schema holds against", () => {
  test.each([
    ["a removed field", ", name: String!", "", "Field Tenant.name was removed."],
    ["a field of another type", "name: String!", "name: String", "Field Tenant.name changed type"],
    ["a narrowed argument", "id: ID", "id: ID!", "Argument Query.operation(id:) has changed type"],
    ["a removed argument", "(id: ID)", "", "Argument Query.operation(id:) was removed."],
    ["a removed enum value", ", FAILED", "", "Enum value Status.FAILED was removed."],
    [
      "a needed input field",
      "{ status",
      "{ region: ID! status",
      "required field TenantFilter.region",
    ],
    ["another default", "= 20", "= 50", "Query.tenants(first:) has changed defaultValue"],
  ])("%s", (_what, text, replacement, told) => {
    const [fault, ...more] = faultsOf(text, replacement);
    expect(fault).toContain("breaks clients of the released schema: ");
    expect(fault).toContain(told);
    expect(more).toEqual([]);
  });
});

test.each([
  ["a field", "slug: String!", "slug: String!, region: String"],
  ["an argument", "(id: ID)", "(id: ID, slug: String)"],
  ["an input field", "{ status", "{ region: ID, status"],
  ["an enum value", "FAILED", "FAILED, SUSPENDED"],
  ["a type", "enum Status", "type Region { name: String } enum Status"],
])("%s may be added", (_what, text, replacement) => {
  expect(faultsOf(text, replacement)).toEqual([]);
});

test("a break may be accepted, and only what is one", () => {
  const removed = "Field Tenant.name was removed.";
  expect(faultsOf(", name: String!", "", [removed])).toEqual([]);
  expect(faultsOf("FAILED", "FAILED, SUSPENDED", [removed])).toEqual([
    `accepted as a break, and is none: ${removed}`,
  ]);
});

test("this schema breaks nothing that was released, but for what was accepted", async () => {
  expect(await faultsSinceRelease()).toEqual([]);
});
