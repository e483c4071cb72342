import { expect, test, vi } from "vitest";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openOidcIssuer, seconds } from "../kit/oidc-issuer.ts";
import { openPlatform } from "../kit/platform.ts";
import { askForEvents, askOverHttp, askOverSocket, knock } from "./_tokens.ts";

const oidc = perFile(openOidcIssuer);
const world = perFile(() => openPlatform({ environment: oidc.environment }));
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));

const followers = (count: number) =>
  vi.waitFor(() => expect(world.platform.feed.followers).toBe(count), 30_000);

const change = (set: string, subject: string) =>
  world.platform.orm.em
    .fork()
    .execute(`update platform.platform_user set ${set} where subject = ?`, [subject]);

test("me shows who comes from the issuer", async () => {
  const { status, body } = await askOverHttp(api.url, await oidc.token());
  expect(status).toBe(200);
  const user = { email: "ada@example.com", name: "Ada", role: "READONLY", issuer: oidc.url };
  expect(body).toMatchObject({ data: { me: { role: "READONLY", user } } });
  const { body: own } = await askOverHttp(api.url, admin.token);
  expect(own).toMatchObject({ data: { me: { user: { issuer: null } } } });
});

test("what the role does not grant is forbidden", async () => {
  const query = `mutation { lockTenant(input: { tenant: { slug: "acme" }, reason: "x" }) { __typename } }`;
  const authorization = `Bearer ${await oidc.token()}`;
  const answer = await api.post({ query }, { authorization });
  expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: "E_FORBIDDEN" } }] });
});

test("nobody without a role gets in, and is told why at every door", async () => {
  const { http, sse, socket } = await knock(api.url, await oidc.token({ sub: "x", roles: [] }));
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
    askOverSocket(api.url, token),
    askForEvents(api.url, token),
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
      expect((await askOverHttp(api.url, token)).status).toBe(200);
    },
  ],
  [
    "unroled",
    async () => {
      const token = await oidc.token({ sub: "unroled", roles: [], iat: seconds(5) });
      expect((await askOverHttp(api.url, token)).status).toBe(403);
    },
  ],
] as const)(
  "sockets and event streams end within five seconds for whoever is %s",
  async (sub, act) => {
    const token = await oidc.token({ sub, roles: "SUPPORT" });
    const socket = askOverSocket(api.url, token);
    const sse = askForEvents(api.url, token);
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
  await using broken = await openOidcIssuer();
  await using platform = await openPlatform({ environment: broken.environment });
  await using api = await openTestApi(platform);
  broken.fault = "fails";
  const token = await broken.token();
  const { http, sse, socket } = await knock(api.url, token);
  expect(http).toMatchObject({ status: 503, challenge: null });
  expect(http.body).toMatchObject({
    errors: [{ extensions: { code: "E_UNAVAILABLE", retryable: true } }],
  });
  expect(sse.status).toBe(503);
  expect(socket).toEqual({ code: 1013, reason: "Try again later", messages: [] });
  const own = await api.as("ADMINISTRATOR");
  expect((await askOverHttp(api.url, own.token)).status).toBe(200);
});
