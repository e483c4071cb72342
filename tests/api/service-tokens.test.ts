import { describe, expect, test } from "vitest";
import { openTestApi } from "../kit/api.ts";
import { EVENTS, PROVISION } from "../kit/documents.ts";
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

const CREATE = `mutation ($input: CreateServiceTokenInput!) { createServiceToken(input: $input) {
  ... on CreateServiceTokenPayload { value serviceToken { id name role hint state lastUsedAt createdBy { kind } } }
  ... on UserError { code message } ... on ValidationError { issues { path } } } }`;
const REVOKE = `mutation ($id: ID!) { revokeServiceToken(input: { id: $id }) {
  ... on RevokeServiceTokenPayload { serviceToken { id state } } ... on UserError { code } } }`;
const LIST = `query ($active: Boolean) { serviceTokens(first: 100, filter: { active: $active }) {
  totalCount nodes { id state } } }`;
const ME = "{ me { actor { kind id: principalId name } role grants user { id } } }";

async function create(role: string, more: object = {}, as = admin) {
  const input = { name: "a script", role, ...more };
  return (await as.ask(CREATE, { input })).createServiceToken;
}

/** Follows an operation over a WebSocket; answers, once that goes on, what comes next. */
async function followOverSocket(token: string) {
  const stream = api.withToken(token).follow(EVENTS, { id: waiting.id });
  const { value } = await stream.next();
  expect(value.operationEvents.sequence).toBe(1);
  const next = stream.next();
  // A test may look at it later than it ends.
  next.catch(() => {});
  return { next };
}

/** Follows an operation as server-sent events; answers all that comes until it ends. */
async function followEvents(token: string) {
  const response = await fetch(api.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "text/event-stream",
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ query: EVENTS, variables: { id: waiting.id } }),
  });
  return { status: response.status, text: response.text() };
}

test("lets a script in over HTTP, as itself", async () => {
  const { value, serviceToken } = await create("PROVISIONER");
  expect(serviceToken).toMatchObject({ state: "ACTIVE", createdBy: { kind: "USER" } });
  expect(value.startsWith(serviceToken.hint)).toBe(true);
  const { me } = await api.withToken(value).ask(ME);
  expect(me).toMatchObject({
    actor: { kind: "SERVICE_TOKEN", id: serviceToken.id, name: "a script" },
    role: "PROVISIONER",
    user: null,
  });
  expect(me.grants).not.toContain("service-token:write");
});

test("names the token in what it starts, with idempotency keys of its own", async () => {
  const [one, two] = [await create("PROVISIONER"), await create("PROVISIONER")];
  const input = { ...provisionRequest(), idempotencyKey: "the-same" };
  const start = async (value: string, request: object) =>
    (await api.withToken(value).ask(PROVISION, { input: request })).provisionTenant;
  const first = await start(one.value, input);
  const again = await start(one.value, input);
  expect(again).toMatchObject({ replayed: true, operation: { id: first.operation.id } });
  const other = await start(two.value, { ...provisionRequest(), idempotencyKey: "the-same" });
  expect(other.replayed).toBe(false);
  const { operation } = await admin.ask(
    "query ($id: ID!) { operation(id: $id) { requestedBy { kind id: principalId name } } }",
    { id: first.operation.id },
  );
  const actor = { kind: "SERVICE_TOKEN", id: one.serviceToken.id, name: "a script" };
  expect(operation.requestedBy).toEqual(actor);
  const rows = await world.platform.orm.em
    .fork()
    .execute(
      "select actor_kind as kind, actor_id as id, actor_name as name from platform.audit_event where operation_id = ? and type = 'TENANT_PROVISION_REQUESTED'",
      [first.operation.id],
    );
  expect(rows).toEqual([actor]);
});

test("ends requests, sockets and event streams when it is revoked", async () => {
  const { value, serviceToken } = await create("READONLY");
  const script = api.withToken(value);
  const overSocket = await followOverSocket(value);
  const events = await followEvents(value);
  expect(events.status).toBe(200);
  const begun = Date.now();
  const { revokeServiceToken } = await admin.ask(REVOKE, { id: serviceToken.id });
  expect(revokeServiceToken.serviceToken.state).toBe("REVOKED");
  const { errors } = await script.send(ME);
  expect(errors?.[0]?.extensions?.code).toBe("E_UNAUTHENTICATED");
  await expect(overSocket.next).rejects.toMatchObject({ code: 4403 });
  expect(await events.text).toContain("E_UNAUTHENTICATED");
  expect(Date.now() - begun).toBeLessThan(5_000);
  await expect(followOverSocket(value)).rejects.toMatchObject({ code: 4403 });
  expect((await followEvents(value)).status).toBe(401);
});

test("lives on when its maker is disabled, unless it is asked to end, too", async () => {
  const leaver = await api.as("ADMINISTRATOR");
  const userId = (await leaver.ask(ME)).me.user.id;
  const { value } = await create("READONLY", {}, leaver);
  const disable = async (more: object) =>
    await admin.ask(
      `mutation ($input: DisablePlatformUserInput!) { disablePlatformUser(input: $input) {
         __typename ... on UserError { code } } }`,
      { input: { userId, ...more } },
    );
  await disable({});
  expect((await leaver.send(ME)).errors?.[0]?.extensions?.code).toBe("E_UNAUTHENTICATED");
  expect((await api.withToken(value).ask(ME)).me.role).toBe("READONLY");
  await disable({ revokeServiceTokens: true });
  const { errors } = await api.withToken(value).send(ME);
  expect(errors?.[0]?.extensions?.code).toBe("E_UNAUTHENTICATED");
});

test("ends what is open when its time has run out, also one that outlasts a timer", async () => {
  const { value, serviceToken } = await create("READONLY", { expiresInDays: 366 });
  const overSocket = await followOverSocket(value);
  const events = await followEvents(value);
  expect(events.status).toBe(200);
  await world.platform.orm.em
    .fork()
    .execute(
      "update platform.service_token set created_at = now() - interval '1 day', expires_at = now() where id = ?",
      [serviceToken.id],
    );
  await expect(overSocket.next).rejects.toMatchObject({ code: 4403 });
  expect(await events.text).toContain("E_UNAUTHENTICATED");
});

test("has no sessions to sign out of, and is told so", async () => {
  const { value } = await create("READONLY");
  const { signOutEverywhere } = await api
    .withToken(value)
    .ask("mutation { signOutEverywhere { ... on UserError { code nextAction } } }");
  expect(signOutEverywhere).toMatchObject({ code: "E_NO_SESSIONS" });
  expect((await api.withToken(value).ask(ME)).me.role).toBe("READONLY");
});

describe("lists", () => {
  test("tokens by whether they let in, never their values", async () => {
    const [kept, gone] = [await create("SUPPORT"), await create("SUPPORT")];
    await admin.ask(REVOKE, { id: gone.serviceToken.id });
    const ids = async (active: boolean | null) =>
      (await admin.ask(LIST, { active })).serviceTokens.nodes.map(
        (node: { id: string }) => node.id,
      );
    expect(await ids(true)).toContain(kept.serviceToken.id);
    expect(await ids(true)).not.toContain(gone.serviceToken.id);
    expect(await ids(false)).toContain(gone.serviceToken.id);
    const { serviceTokens } = await admin.ask(LIST, { active: null });
    expect(serviceTokens.totalCount).toBe((await ids(null)).length);
  });

  test("nothing to whoever is no administrator, script or person", async () => {
    const { value } = await create("PROVISIONER");
    for (const caller of [await api.as("SUPPORT"), api.withToken(value)]) {
      const input = { name: "x", role: "READONLY" };
      for (const answer of [
        await caller.send(LIST, {}),
        await caller.send(CREATE, { input }),
        await caller.send(REVOKE, { id: "x" }),
        await caller.send("{ signingKeys { id } }"),
        await caller.send("mutation { rotateSigningKey(input: {}) { __typename } }"),
      ]) {
        expect(answer.errors?.[0]?.extensions?.code).toBe("E_FORBIDDEN");
      }
    }
  });

  test("what is wrong with a token that is asked for, and an unknown one", async () => {
    expect(await create("READONLY", { expiresInDays: 1_000 })).toMatchObject({
      code: "E_VALIDATION",
      message: "expiresInDays: must be at most 366",
      issues: [{ path: ["expiresInDays"] }],
    });
    expect(await create("READONLY", { expiresInDays: 0 })).toMatchObject({
      message: "expiresInDays: must be at least 1",
    });
    const { revokeServiceToken } = await admin.ask(REVOKE, { id: "nobody" });
    expect(revokeServiceToken.code).toBe("E_SERVICE_TOKEN_NOT_FOUND");
  });
});

test("an administrator's token rotates the signing key, and the JWKS shows both", async () => {
  const { value } = await create("ADMINISTRATOR");
  const script = api.withToken(value);
  const { rotateSigningKey } = await script.ask(
    "mutation { rotateSigningKey(input: {}) { ... on RotateSigningKeyPayload { begun key { id state signsUntil } } } }",
  );
  expect(rotateSigningKey).toMatchObject({
    begun: true,
    key: { state: "PUBLISHED", signsUntil: null },
  });
  const { signingKeys } = await script.ask("{ signingKeys { id state verifiesUntil } }");
  expect(signingKeys.map(({ state }: { state: string }) => state)).toEqual([
    "PUBLISHED",
    "SIGNING",
  ]);
  await expect
    .poll(
      async () => {
        const jwks = await fetch(new URL("/.well-known/jwks.json", api.url));
        const { keys } = (await jwks.json()) as { keys: { kid: string }[] };
        return keys.map(({ kid }) => kid).sort();
      },
      { timeout: 8_000, interval: 250 },
    )
    .toEqual(signingKeys.map(({ id }: { id: string }) => id).sort());
});
