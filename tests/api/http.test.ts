import { describe, expect, test } from "vitest";
import { openApi } from "../../src/api/transport/server.ts";
import { DomainError } from "../../src/kernel/domain-error.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";

const ORIGIN = "https://console.example.com";
const ME = { query: "{ me { role } }" };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const world = perFile(() => openPlatform({ environment: { CORS_ORIGINS: ORIGIN } }));
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));

const at = (path: string) => new URL(path, api.url);

describe("a caller", () => {
  test("with a token is who the token says", async () => {
    const answer = await api.post(ME, bearer(admin.token));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ data: { me: { role: "ADMINISTRATOR" } } });
  });

  test.each([
    ["without a token", {}],
    ["with a made-up token", bearer("a.b.c")],
    ["with another scheme", { authorization: "Basic YTpi" }],
  ])("%s is answered 401, also when asking for the schema", async (_who, headers) => {
    for (const query of ["{ me { role } }", "{ __schema { queryType { name } } }"]) {
      const answer = await api.post({ query }, headers);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
      const { errors, data } = await answer.json();
      expect(errors[0].extensions.code).toBe("E_UNAUTHENTICATED");
      expect(data).toBeUndefined();
    }
  });

  test("without the role for it is answered E_FORBIDDEN inside 200", async () => {
    const { orm } = world.platform;
    await orm.em.fork().execute("update platform.platform_user set role = 'READONLY'");
    const query = 'mutation { retryOperation(input: { operationId: "x" }) { __typename } }';
    const answer = await api.post({ query }, bearer(admin.token));
    await orm.em.fork().execute("update platform.platform_user set role = 'ADMINISTRATOR'");
    expect(answer.status).toBe(200);
    expect((await answer.json()).errors[0].extensions.code).toBe("E_FORBIDDEN");
  });

  test("is not helped to guess the schema", async () => {
    const answer = await api.post({ query: "{ tenantz { id } }" });
    expect(await answer.text()).not.toContain("Did you mean");
  });
});

describe("a request", () => {
  test.each([
    [
      "of two sign-ins",
      'mutation { a: signIn(input: {email: "a", password: "b"}) { __typename } b: signIn(input: {email: "a", password: "b"}) { __typename } }',
    ],
    [
      "of many aliases",
      `{ ${Array.from({ length: 40 }, (_, i) => `a${i}: __typename`).join(" ")} }`,
    ],
    ["of many tokens", `{ ${"__typename ".repeat(3000)} }`],
    ["of a long text", `{ __typename } # ${"x".repeat(60_000)}`],
    [
      "of pages of pages",
      "{ tenants(first: 100) { nodes { operations(first: 100) { nodes { phases { name } } } } } }",
    ],
  ])("%s is refused before it is executed", async (_what, query) => {
    const answer = await api.post({ query }, bearer(admin.token));
    expect(answer.status).toBe(400);
    expect((await answer.json()).errors[0].extensions.code).toBe("E_QUERY_TOO_COMPLEX");
  });

  test("is judged by its own variables, not by those of the same query before", async () => {
    const query =
      "query($n: Int!) { tenants(first: $n) { nodes { operations(first: $n) { nodes { phases { name } } } } } }";
    const statuses = [];
    for (const n of [5, 100, 5]) {
      const answer = await api.post({ query, variables: { n } }, bearer(admin.token));
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([200, 400, 200]);
  });

  test.each([
    ["a body over 1 MB", "x".repeat(1_100_000), 413],
    ["a batch", [ME, ME], 400],
    ["no JSON", "{", 400],
  ])("with %s is refused", async (_what, body, status) => {
    expect((await api.post(body, bearer(admin.token))).status).toBe(status);
  });

  test("by GET is refused, for its query would end up in logs", async () => {
    const answer = await fetch(`${api.url}?query={__typename}`);
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toContain("POST");
  });

  test("for a page that is too large, or after a cursor of another list, is told so", async () => {
    const codes = async (query: string) =>
      (await (await api.post({ query }, bearer(admin.token))).json()).errors[0].extensions.code;
    expect(await codes("{ tenants(first: 101) { totalCount } }")).toBe("E_VALIDATION");
    expect(await codes('{ tenants(after: "abc") { totalCount } }')).toBe("E_INVALID_CURSOR");
  });
});

describe("a browser", () => {
  test("of an allowed origin may call, any other may not", async () => {
    const allowed = await api.post(ME, { origin: ORIGIN });
    expect(allowed.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
    const other = await api.post(ME, { origin: "https://evil.example.com" });
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("finds no IDE outside development", async () => {
    const answer = await fetch(api.url, { headers: { accept: "text/html" } });
    expect(await answer.text()).not.toContain("GraphiQL");
  });
});

describe("the server", () => {
  test("says that it lives, that it is ready, and which keys it signs with", async () => {
    expect(await (await fetch(at("/healthz"))).json()).toEqual({ status: "ok" });
    expect(await (await fetch(at("/readyz"))).json()).toEqual({ status: "ready" });
    const { keys } = await (await fetch(at("/.well-known/jwks.json"))).json();
    expect(keys).toHaveLength(1);
    expect(keys[0]).not.toHaveProperty("d");
    expect((await fetch(at("/elsewhere"))).status).toBe(404);
  });

  test("asks its secret store once for all who ask whether it is ready", async () => {
    const { platform } = world;
    let asked = 0;
    const check = async () => {
      asked += 1;
    };
    const api = await openApi({ ...platform, secrets: { ...platform.secrets, check } });
    const ask = async () => (await fetch(new URL("/readyz", api.url))).status;
    const statuses = await Promise.all(Array.from({ length: 50 }, ask));
    expect(new Set([...statuses, await ask()])).toEqual(new Set([200]));
    await api.close();
    expect(asked).toBe(1);
  });

  test("is not ready, and masks what went wrong, while its secret store is broken", async () => {
    const { platform } = world;
    const check = () => Promise.reject(new Error("planned: postgres://user:hunter2@host refused"));
    const broken = { ...platform, secrets: { ...platform.secrets, check } };
    const api = await openApi(broken);
    const ready = await fetch(new URL("/readyz", api.url));
    const input = `{slug: "some-one", name: "S", adminEmail: "s@example.com", initialLaboratory: "L"}`;
    const answer = await fetch(api.url, {
      method: "POST",
      headers: { "content-type": "application/json", ...bearer(admin.token) },
      body: JSON.stringify({
        query: `mutation { provisionTenant(input: ${input}) { __typename } }`,
      }),
    });
    const text = await answer.text();
    await api.close();
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ code: "PROVISIONING_UNAVAILABLE" });
    expect(text).not.toContain("hunter2");
    expect(JSON.parse(text).errors[0].extensions).toMatchObject({
      code: "E_INTERNAL",
      errorId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test("refuses a provisioning without a usable secret store with a code of its own", async () => {
    const { platform } = world;
    const refusal = new DomainError("PROVISIONING_UNAVAILABLE");
    const check = () => Promise.reject(refusal);
    const api = await openApi({ ...platform, secrets: { ...platform.secrets, check } });
    const input = `{slug: "some-one", name: "S", adminEmail: "s@example.com", initialLaboratory: "L"}`;
    const answer = await fetch(api.url, {
      method: "POST",
      headers: { "content-type": "application/json", ...bearer(admin.token) },
      body: JSON.stringify({
        query: `mutation { provisionTenant(input: ${input}) {
          __typename ... on UserError { code retryable } } }`,
      }),
    });
    await api.close();
    expect(await answer.json()).toEqual({
      data: {
        provisionTenant: {
          __typename: "RefusedError",
          code: "PROVISIONING_UNAVAILABLE",
          retryable: true,
        },
      },
    });
  });

  test("tells in one line when its port is taken", async () => {
    const { platform } = world;
    const taken = { ...platform, config: { ...platform.config, port: api.port } };
    await expect(openApi(taken)).rejects.toThrow(/^port \d+ of 127.0.0.1 is in use/);
  });
});
