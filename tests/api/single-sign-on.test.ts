import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type OidcIssuer, openOidcIssuer, seconds } from "../kit/oidc-issuer.ts";
import { openTestApi, type TestApi } from "./_api.ts";
import { askForEvents, askOverHttp, askOverSocket, knock } from "./_tokens.ts";

let oidc: OidcIssuer;
let one: TestApi;
beforeAll(async () => {
  oidc = await openOidcIssuer();
  one = await openTestApi(oidc.environment);
});
afterAll(async () => {
  await one[Symbol.asyncDispose]();
  await oidc[Symbol.asyncDispose]();
});

const followers = (count: number) =>
  vi.waitFor(() => expect(one.test.platform.feed.followers).toBe(count), 30_000);

const change = (set: string, subject: string) =>
  one.test.platform.orm.em
    .fork()
    .execute(`update platform.platform_user set ${set} where subject = ?`, [subject]);

test("me shows who comes from the issuer", async () => {
  const { status, body } = await askOverHttp(one.api.url, await oidc.token());
  expect(status).toBe(200);
  const user = { email: "ada@example.com", name: "Ada", role: "READONLY", issuer: oidc.url };
  expect(body).toMatchObject({ data: { me: { role: "READONLY", user } } });
  const { body: own } = await askOverHttp(one.api.url, one.token);
  expect(own).toMatchObject({ data: { me: { user: { issuer: null } } } });
});

test("what the role does not grant is forbidden", async () => {
  const query = `mutation { lockTenant(input: { slug: "acme", reason: "x" }) { __typename } }`;
  const authorization = `Bearer ${await oidc.token()}`;
  const answer = await one.post({ query }, { authorization });
  expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: "E_FORBIDDEN" } }] });
});

test("nobody without a role gets in, and is told why at every door", async () => {
  const { http, sse, socket } = await knock(one.api.url, await oidc.token({ sub: "x", roles: [] }));
  expect(http).toMatchObject({
    status: 403,
    challenge: null,
    body: {
      errors: [{ message: "Your account has no role here.", extensions: { code: "E_FORBIDDEN" } }],
    },
  });
  expect(sse.status).toBe(403);
  expect(socket).toEqual({ code: 4403, reason: "Your account has no role here.", messages: [] });
});

test("sockets and event streams end with the token", async () => {
  const token = await oidc.token({ sub: "brief", exp: seconds(4) });
  const since = Date.now();
  const [socket, sse] = await Promise.all([
    askOverSocket(one.api.url, token),
    askForEvents(one.api.url, token),
  ]);
  expect(socket).toMatchObject({ code: 4403, reason: "The token has expired" });
  expect(sse.text).toMatch(/The token has expired[\s\S]*event: complete/);
  expect(Date.now() - since).toBeLessThan(7_000);
  await followers(0);
});

test.each([
  ["disabled", () => change("disabled_at = now()", "disabled")],
  [
    "demoted",
    async () => {
      const token = await oidc.token({ sub: "demoted", roles: "READONLY", iat: seconds(5) });
      expect((await askOverHttp(one.api.url, token)).status).toBe(200);
    },
  ],
  [
    "unroled",
    async () => {
      const token = await oidc.token({ sub: "unroled", roles: [], iat: seconds(5) });
      expect((await askOverHttp(one.api.url, token)).status).toBe(403);
    },
  ],
] as const)(
  "sockets and event streams end within five seconds for whoever is %s",
  async (sub, act) => {
    const token = await oidc.token({ sub, roles: "SUPPORT" });
    const socket = askOverSocket(one.api.url, token);
    const sse = askForEvents(one.api.url, token);
    await followers(2);
    const since = Date.now();
    await act();
    expect(await socket).toMatchObject({
      code: 4403,
      reason: "The account or its role has changed",
    });
    expect((await sse).text).toMatch(/E_UNAUTHENTICATED[\s\S]*event: complete/);
    expect(Date.now() - since).toBeLessThan(5_500);
    await followers(0);
  },
);

test("an issuer that is down is told as such, and does not touch our own users", async () => {
  const broken = await openOidcIssuer();
  const two = await openTestApi(broken.environment);
  broken.fault = "fails";
  try {
    const token = await broken.token();
    const { http, sse, socket } = await knock(two.api.url, token);
    expect(http).toMatchObject({ status: 503, challenge: null });
    expect(http.body).toMatchObject({
      errors: [{ extensions: { code: "E_UNAVAILABLE", retryable: true } }],
    });
    expect(sse.status).toBe(503);
    expect(socket).toEqual({ code: 1013, reason: "Try again later", messages: [] });
    expect((await askOverHttp(two.api.url, two.token)).status).toBe(200);
  } finally {
    await two[Symbol.asyncDispose]();
    await broken[Symbol.asyncDispose]();
  }
});
