import { expect, test } from "vitest";
import { createPlatformUser } from "../../src/iam/users/platform-users.ts";
import { openTestApi } from "../kit/api.ts";
import { freshName } from "../kit/database.ts";
import { EVENTS, PROVISION } from "../kit/documents.ts";
import { ACTOR, PASSWORD } from "../kit/iam.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));
/** An operation that never goes on: there is no worker. */
const waiting = perFile(async () => {
  const { provisionTenant } = await admin.ask(PROVISION, { input: provisionRequest() });
  return provisionTenant.operation as { id: string };
});

const SIGN_IN = `mutation ($input: SignInInput!) { signIn(input: $input) {
  ... on Session { accessToken refreshToken } ... on UserError { code } } }`;
const REFRESH = `mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) {
  ... on Session { accessToken refreshToken } ... on UserError { code } } }`;
const SIGN_OUT = `mutation ($token: String!) { signOut(input: { refreshToken: $token }) {
  ... on SignOutPayload { signedOut } } }`;
const ME = "{ me { role } }";

interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Signs a new user in, twice: two sessions that know nothing of one another. */
async function twoSessions(): Promise<[Session, Session]> {
  const email = `${freshName("reader")}@tenantry.test`;
  const { orm, clock } = world.platform;
  const input = { email, name: "A Reader", role: "READONLY", password: PASSWORD } as const;
  await createPlatformUser({ em: orm.em, clock }, ACTOR, input);
  const enter = async () =>
    (await api.anonymous().ask(SIGN_IN, { input: { email, password: PASSWORD } })).signIn;
  return [await enter(), await enter()];
}

/** Follows an operation over a WebSocket; answers, once that goes on, what comes next. */
async function follow({ accessToken }: Session) {
  const stream = api.withToken(accessToken).follow(EVENTS, { id: waiting.id });
  expect((await stream.next()).value.operationEvents.sequence).toBe(1);
  const next = stream.next();
  next.catch(() => {});
  return { next, stop: () => stream.return?.() };
}

const statusOf = async ({ accessToken }: Session) =>
  (await api.withToken(accessToken).send(ME)).status;

test("signing out ends the session's access token and its sockets, and no other session", async () => {
  const [one, other] = await twoSessions();
  const [open, others] = [await follow(one), await follow(other)];
  const { signOut } = await api.anonymous().ask(SIGN_OUT, { token: one.refreshToken });
  expect(signOut).toEqual({ signedOut: true });
  expect(await statusOf(one)).toBe(401);
  await expect(open.next).rejects.toMatchObject({ code: 4403 });
  expect(await statusOf(other)).toBe(200);
  await others.stop();
});

test("a session that was refreshed goes on, with the access token from before too", async () => {
  const [one] = await twoSessions();
  const open = await follow(one);
  const { refreshSession } = await api.anonymous().ask(REFRESH, { token: one.refreshToken });
  expect(await statusOf(one)).toBe(200);
  expect(await statusOf(refreshSession)).toBe(200);
  await open.stop();
});

test("a refresh token that is sent twice ends the access tokens and sockets of both hands", async () => {
  const [one] = await twoSessions();
  const { refreshSession: thief } = await api.anonymous().ask(REFRESH, { token: one.refreshToken });
  const open = await follow(thief);
  const { refreshSession } = await api.anonymous().ask(REFRESH, { token: one.refreshToken });
  expect(refreshSession).toEqual({ code: "E_UNAUTHENTICATED" });
  expect(await statusOf(one)).toBe(401);
  expect(await statusOf(thief)).toBe(401);
  await expect(open.next).rejects.toMatchObject({ code: 4403 });
});

test("dropping every signing key ends the sockets that its tokens opened", async () => {
  const [one] = await twoSessions();
  const open = await follow(one);
  await admin.ask(
    'mutation { rotateSigningKey(input: { immediately: true, reason: "stolen" }) { __typename } }',
  );
  await expect(open.next).rejects.toMatchObject({ code: 4403 });
  expect(await statusOf(one)).toBe(401);
  const { refreshSession } = await api.anonymous().ask(REFRESH, { token: one.refreshToken });
  expect(await statusOf(refreshSession)).toBe(200);
});
