import { describe, expect, test } from "vitest";
import { callerOf, openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));

const REFUSED = { code: "E_VALIDATION", retryable: false };

describe.each([
  ["a NUL character", "a\u0000b"],
  ["half of a surrogate pair", "a\ud800b"],
])("a text with %s", (_what, text) => {
  test.each([
    ["a list's filter", "query ($t: String) { tenants(filter: { text: $t }) { totalCount } }"],
    [
      "a list of users",
      "query ($t: String) { platformUsers(filter: { text: $t }) { totalCount } }",
    ],
    ["a slug", "query ($t: String) { tenant(by: { slug: $t }) { id } }"],
    [
      "a subscription",
      "subscription ($t: String) { operationUpdated(filter: { slug: $t }) { id } }",
    ],
    [
      "a mutation",
      'mutation ($t: String!) { updateTenant(input: { tenant: { slug: "acme" }, name: $t }) { __typename } }',
    ],
    [
      "a sign-in",
      "mutation ($t: String!) { signIn(input: { email: $t, password: $t }) { __typename } }",
    ],
  ])("is refused in %s", async (_where, query) => {
    const { status, errors } = await admin.send(query, { t: text });
    expect(status).toBe(400);
    expect(errors?.[0]?.extensions).toMatchObject({ ...REFUSED, issues: [{ path: ["t"] }] });
  });

  test("is refused inside an input, and over a socket", async () => {
    const nested = "query ($f: TenantFilter) { tenants(filter: $f) { totalCount } }";
    const { errors } = await admin.send(nested, { f: { region: "local", text } });
    expect(errors?.[0]?.extensions).toMatchObject({ ...REFUSED, issues: [{ path: ["f"] }] });
    const query = "subscription ($t: String) { operationUpdated(filter: { slug: $t }) { id } }";
    const overSocket = callerOf(api.url, admin.token).follow(query, { t: text });
    await expect(overSocket.next()).rejects.toThrow("E_VALIDATION");
  });
});

test("a NUL character is refused in the document itself", async () => {
  const { status, errors } = await admin.send(
    '{ tenants(filter: { text: "a\\u0000" }) { totalCount } }',
  );
  expect(status).toBe(400);
  expect(errors?.[0]?.extensions).toMatchObject({ ...REFUSED, issues: [{ path: [] }] });
});

test("any other text is taken as it is", async () => {
  const query = "query ($t: String) { tenants(filter: { text: $t }) { totalCount } }";
  for (const t of [
    "🙂",
    "'; drop table platform.tenant; --",
    "\\u0000",
    "a\tb",
    "x".repeat(10_000),
  ]) {
    expect(await admin.ask(query, { t })).toEqual({ tenants: { totalCount: 0 } });
  }
});
