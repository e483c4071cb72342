import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Caller, openTestApi } from "../kit/api.ts";
import { freshName } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";

const PASSWORD = "nine slow barges drift";
const ERROR = "... on UserError { code message }";
const USER = "id email name role disabledAt mustChangePassword oneTimePasswordExpiresAt";
const SESSION = `__typename ... on Session { accessToken refreshToken user { ${USER} } } ${ERROR}`;

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));

/** Sends one mutation, and answers what it answers. */
async function act(caller: Caller, name: string, input: object, more = "") {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const payload = more || `... on ${type}Payload { user { ${USER} } }`;
  const query = `mutation ($input: ${type}Input!) { ${name}(input: $input) { __typename ${payload} ${ERROR} } }`;
  return (await caller.ask(query, { input }))[name];
}

const newInput = (change: object = {}) => ({
  email: `${freshName("user")}@tenantry.test`,
  name: "A user",
  role: "PROVISIONER",
  ...change,
});
const WITH_PASSWORD = (type: string) =>
  `... on ${type}Payload { oneTimePassword user { ${USER} } }`;

const create = (change: object = {}) =>
  act(
    admin,
    "createPlatformUser",
    newInput(change),
    `${WITH_PASSWORD("CreatePlatformUser")} ... on ValidationError { issues { path } }`,
  );

/** Creates a user with a password of its own, and signs it in. */
async function signedIn(role = "PROVISIONER") {
  const { user } = await create({ role, password: PASSWORD });
  const input = { email: user.email, password: PASSWORD };
  const session = await act(api.anonymous(), "signIn", input, SESSION);
  const caller = api.withToken(session.accessToken);
  return { id: user.id as string, email: user.email as string, caller, session };
}

describe("an administrator", () => {
  test("creates a user, who changes the one-time password and works", async () => {
    const { user, oneTimePassword } = await create({ email: ` ${freshName("Ada")}@Tenantry.test` });
    expect(user).toMatchObject({ role: "PROVISIONER", disabledAt: null, mustChangePassword: true });
    const { email } = user;
    const change = { email, currentPassword: oneTimePassword, newPassword: PASSWORD };
    const session = await act(api.anonymous(), "changePassword", change, SESSION);
    expect(session.user).toMatchObject({ id: user.id, mustChangePassword: false });
    const { me } = await api.withToken(session.accessToken).ask("{ me { role user { email } } }");
    expect(me).toEqual({ role: "PROVISIONER", user: { email } });
    expect(await create({ email })).toMatchObject({ code: "E_PLATFORM_USER_EXISTS" });
    expect(await create({ email: "none", name: " " })).toMatchObject({
      __typename: "ValidationError",
      code: "E_VALIDATION",
      issues: [{ path: ["email"] }, { path: ["name"] }],
    });
  });

  test("finds users: one, by id as a node, filtered, page by page", async () => {
    const mark = freshName("mark");
    const made = [];
    for (let at = 0; at < 3; at++) made.push((await create({ name: `${mark} ${at}` })).user);
    await act(admin, "disablePlatformUser", { userId: made[0].id });
    const ids = made.map(({ id }) => id).reverse();
    const list = `query ($filter: PlatformUserFilter, $after: String) {
      platformUsers(filter: $filter, first: 2, after: $after) {
        totalCount nodes { id } pageInfo { hasNextPage endCursor } } }`;
    const page = async (filter: object, after: string | null = null) =>
      (await admin.ask(list, { filter, after })).platformUsers;
    const first = await page({ text: mark.toUpperCase() });
    expect(first).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } });
    const second = await page({ text: mark }, first.pageInfo.endCursor);
    expect([...first.nodes, ...second.nodes].map(({ id }) => id)).toEqual(ids);
    const gone = await page({ text: mark, disabled: true, role: "PROVISIONER" });
    expect(gone.nodes).toEqual([{ id: made[0].id }]);
    expect((await page({ text: mark, disabled: false })).totalCount).toBe(2);
    const one = `query ($id: ID!, $email: String!) { node(id: $id) { __typename id }
      a: platformUser(by: { id: $id }) { email } b: platformUser(by: { email: $email }) { id }
      none: platformUser(by: { id: "nonsense" }) { id } }`;
    const { id, email } = made[1];
    expect(await admin.ask(one, { id, email })).toEqual({
      node: { __typename: "PlatformUser", id },
      a: { email },
      b: { id },
      none: null,
    });
    const support = await api.as("SUPPORT");
    const { node } = await support.ask("query ($id: ID!) { node(id: $id) { id } }", { id });
    expect(node).toBeNull();
  });

  test("takes nothing away from herself", async () => {
    const { me } = await admin.ask("{ me { user { id } } }");
    const userId = me.user.id;
    const own = { __typename: "RefusedError", code: "E_OWN_ACCOUNT" };
    expect(await act(admin, "disablePlatformUser", { userId })).toMatchObject(own);
    expect(await act(admin, "resetPlatformUserPassword", { userId })).toMatchObject(own);
    expect(await act(admin, "setPlatformUserRole", { userId, role: "BILLING" })).toMatchObject(own);
    expect(await act(admin, "enablePlatformUser", { userId: "nobody" })).toMatchObject({
      code: "E_PLATFORM_USER_NOT_FOUND",
    });
  });
});

/** Opens a socket and an event stream as a user; answers how each of them ends. */
async function openStreams(token: string) {
  const authorization = `Bearer ${token}`;
  const socket = new WebSocket(api.url.replace("http", "ws"), "graphql-transport-ws");
  await once(socket, "open");
  const acknowledged = once(socket, "message");
  socket.send(JSON.stringify({ type: "connection_init", payload: { authorization } }));
  await acknowledged;
  const closed = once(socket, "close").then(([code]) => code as number);
  const body = JSON.stringify({ query: "subscription { operationUpdated { id } }" });
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  const response = await fetch(api.url, {
    method: "POST",
    body,
    headers: { ...headers, authorization },
  });
  return { closed, ended: response.text() };
}

describe("what a user has open", () => {
  const ACTS = {
    "is disabled": (userId: string) => act(admin, "disablePlatformUser", { userId }),
    "is demoted": (userId: string) =>
      act(admin, "setPlatformUserRole", { userId, role: "READONLY" }),
    "has its password reset": (userId: string) =>
      act(admin, "resetPlatformUserPassword", { userId }),
    "is signed out": (userId: string) => act(admin, "signOutPlatformUser", { userId }),
    "signs out everywhere": (_userId: string, caller: Caller) =>
      caller.ask(
        "mutation { signOutEverywhere { ... on SignOutEverywherePayload { user { id } } } }",
      ),
    "changes its password": (_userId: string, _caller: Caller, email: string) =>
      act(
        api.anonymous(),
        "changePassword",
        { email, currentPassword: PASSWORD, newPassword: "another quiet river" },
        SESSION,
      ),
  };

  test.concurrent.each(Object.entries(ACTS))(
    "ends within five seconds when it %s, and requests at once",
    async (how, work) => {
      const { id, email, caller } = await signedIn();
      const { closed, ended } = await openStreams(caller.token ?? "");
      const since = Date.now();
      const acted = await work(id, caller, email);
      expect(JSON.stringify(acted)).not.toContain('"code":"E_'); // a token may well hold E_
      const { status, data } = await caller.send("{ me { role } }");
      expect({ status, role: data?.me.role }).toEqual(
        how === "is demoted" ? { status: 200, role: "READONLY" } : { status: 401 },
      );
      expect(await closed).toBe(4403);
      expect(await ended).toMatch(/E_UNAUTHENTICATED[\s\S]*event: complete/);
      expect(Date.now() - since).toBeLessThan(5_000);
    },
  );
});

describe("a new password over the API", () => {
  /** As long as a variable may be. */
  const LONG = "a quiet river ".repeat(710);

  test.each([
    ["too short", () => "short-one"],
    ["too long", () => LONG],
    ["a known one", () => "Password2024!"],
    ["built from the email", (email: string) => `${email.split("@")[0]}-2024`],
  ])("is refused where it is %s, before anything is looked up or hashed", async (_what, of) => {
    const email = `${freshName("weak")}@tenantry.test`;
    const password = of(email);
    const weak = { __typename: "RefusedError", code: "E_WEAK_PASSWORD" };
    const made = await create({ email, password });
    expect(made).toMatchObject(weak);
    expect(made.message).not.toContain(password);
    const change = { email, currentPassword: PASSWORD, newPassword: password };
    const changed = await act(api.anonymous(), "changePassword", change, SESSION);
    expect(changed).toMatchObject(weak);
    const tenant = { slug: "acme", ...change };
    const inTenant = await act(api.anonymous(), "changeTenantPassword", tenant, ERROR);
    expect(inTenant).toMatchObject(weak);
  });

  test("signs nobody in where a wrong one is as long as it may be sent", async () => {
    const { email } = await signedIn();
    for (const each of [email, "nobody@tenantry.test"]) {
      const input = { email: each, password: LONG };
      const answer = await act(api.anonymous(), "signIn", input, SESSION);
      expect(answer).toMatchObject({ code: "E_SIGN_IN_FAILED" });
    }
  });
});

test("the audit trail tells who did what to whom, and holds no password", async () => {
  const { user, oneTimePassword } = await create();
  const reset = await act(
    admin,
    "resetPlatformUserPassword",
    { userId: user.id },
    WITH_PASSWORD("ResetPlatformUserPassword"),
  );
  expect(reset.oneTimePassword).not.toBe(oneTimePassword);
  const em = world.platform.orm.em.fork();
  const facts = await em.execute<{ type: string }[]>(
    "select type, actor_kind, address, detail::text from platform.audit_event where detail->>'userId' = ? order by sequence",
    [user.id],
  );
  expect(facts.map(({ type }) => type)).toEqual([
    ...["PLATFORM_USER_CREATED", "PLATFORM_USER_PASSWORD_RESET"],
  ]);
  expect(facts[1]).toMatchObject({ actor_kind: "USER", address: expect.any(String) });
  expect(JSON.stringify(facts)).not.toContain(reset.oneTimePassword);
});
