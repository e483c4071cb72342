import { createHash } from "node:crypto";
import { type GraphQLInputObjectType, type GraphQLUnionType, getNamedType } from "graphql";
import { describe, expect, test } from "vitest";
import { schema } from "../../src/api/schema.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { openTestApi, type SignedIn } from "../kit/api.ts";
import { freshName } from "../kit/database.ts";
import { EVENTS } from "../kit/documents.ts";
import { TestClock } from "../kit/iam.ts";
import { perFile } from "../kit/lifetime.ts";
import { inputNaming } from "../kit/named-tenant.ts";
import { openPlatform } from "../kit/platform.ts";
import { startServer } from "../kit/servers.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { withOperation } from "../refusals/_subjects.ts";
import { register } from "./_tenant-operations.ts";

const time = new TestClock();
const world = perFile(() => openPlatform({ replace: { clock: time.now } }));
const server = perFile(startServer);
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));

/** What is selected of each payload. */
const PAYLOADS: Readonly<Record<string, string>> = {
  createServiceToken: "value serviceToken { id name state }",
  createPlatformUser: "oneTimePassword user { id email }",
  resetPlatformUserPassword: "oneTimePassword user { id email }",
  inviteTenantAdmin:
    "tenant { slug members { nodes { id } } invitations { nodes { id timesSent } } }",
  resendInvitation: "tenant { slug invitations { nodes { id timesSent } } }",
  revealOneTimePassword: "email oneTimePassword expiresAt",
  retryOperation: "operation { id retryOf { id } } tenant { slug }",
  updateTenant: "tenant { id tier } operation { id kind }",
  rotateSigningKey: "begun key { id signsFrom }",
  registerDbServer: "dbServer { id name host }",
  provisionTenant: "operation { id kind } tenant { id slug }",
};

const documentOf = (mutation: string) => {
  const type = mutation.charAt(0).toUpperCase() + mutation.slice(1);
  const isValidated = (schema.getType(`${type}Result`) as GraphQLUnionType)
    .getTypes()
    .some(({ name }) => name === "ValidationError");
  return `mutation ($input: ${type}Input!) { ${mutation}(input: $input) {
    __typename ... on ${type}Payload { replayed ${PAYLOADS[mutation]} }
    ${isValidated ? "... on ValidationError { issues { path } }" : ""}
    ... on UserError { code message nextAction retryable } } }`;
};

const act = async (mutation: string, input: object, caller: Pick<SignedIn, "ask"> = admin) =>
  (await caller.ask(documentOf(mutation), { input: inputNaming(mutation, { ...input }) }))[
    mutation
  ];

const facts = async (type: string) =>
  (
    await world.platform.orm.em
      .fork()
      .execute("select 1 from platform.audit_event where type = ?", [type])
  ).length;

const create = { name: "a script", role: "READONLY" };
const newUser = () => ({ email: `${freshName("new")}@acme.test`, name: "New", role: "READONLY" });

/** What each mutation is sent, and the fact that the audit trail has of it, once. */
const CASES: Readonly<Record<string, [fact: string, input: () => Promise<object> | object]>> = {
  createServiceToken: ["SERVICE_TOKEN_CREATED", () => create],
  createPlatformUser: ["PLATFORM_USER_CREATED", newUser],
  resetPlatformUserPassword: [
    "PLATFORM_USER_PASSWORD_RESET",
    async () => ({ userId: (await act("createPlatformUser", newUser())).user.id }),
  ],
  inviteTenantAdmin: [
    "MEMBERSHIP_ADDED",
    async () => ({ slug: await register(world, "ACTIVE"), email: "bo@acme.test" }),
  ],
  resendInvitation: [
    "INVITATION_RESENT",
    async () => {
      const input = { slug: await register(world, "ACTIVE"), email: "bea@acme.test" };
      const { tenant } = await act("inviteTenantAdmin", input);
      time.pass(120);
      return { invitationId: tenant.invitations.nodes[0].id };
    },
  ],
  retryOperation: [
    "OPERATION_RETRIED",
    async () => {
      const past = { kind: "PROVISION", state: "FAILED" } as const;
      return { operationId: (await withOperation(world, "FAILED", past)).operationId };
    },
  ],
  updateTenant: [
    "TENANT_UPDATED",
    async () => ({ slug: await register(world, "ACTIVE"), connectionLimit: 7 }),
  ],
  rotateSigningKey: ["SIGNING_KEY_ROTATED", () => ({})],
  registerDbServer: [
    "DB_SERVER_REGISTERED",
    async () => {
      const { host, port, url } = server;
      await world.platform.secrets.set("db-server-east", url, {});
      const where = { name: "east", region: "east", host, port, tlsMode: "DISABLE" };
      return { ...where, adminSecretRef: "db-server-east" };
    },
  ],
  provisionTenant: ["TENANT_PROVISION_REQUESTED", () => provisionRequest()],
};

describe("fifty requests at once with one key", () => {
  test.each(Object.entries(CASES))("%s has one effect and one answer", async (name, [fact, of]) => {
    const input = { ...(await of()), idempotencyKey: freshName("key") };
    const before = await facts(fact);
    const all = await Promise.all(Array.from({ length: 50 }, () => act(name, input)));
    const [first, ...rest] = all.map(({ replayed: _, ...answer }) => answer);
    expect(first).not.toHaveProperty("code");
    for (const answer of rest) expect(answer).toEqual(first);
    expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await facts(fact)).toBe(before + 1);
  });
});

const key = () => freshName("key");

test("an answer that was lost on its way is given again, with what was shown once", async () => {
  const user = await act("createPlatformUser", newUser());
  for (const [name, secret, of] of [
    ["createServiceToken", "value", () => ({ ...create, name: key() })],
    ["createPlatformUser", "oneTimePassword", newUser],
    ["resetPlatformUserPassword", "oneTimePassword", () => ({ userId: user.user.id })],
  ] as const) {
    const input = { ...of(), idempotencyKey: key() };
    const headers = { authorization: `Bearer ${admin.token}`, "content-type": "application/json" };
    const body = JSON.stringify({ query: documentOf(name), variables: { input } });
    const gone = AbortSignal.timeout(20);
    await fetch(api.url, { method: "POST", headers, body, signal: gone }).catch(() => {});
    const again = await act(name, input);
    expect(again[secret]).toMatch(/^\S{14,}$/);
    expect(await act(name, input)).toEqual({ ...again, replayed: true });
  }
});

test("what is answered again is as it stands now, and the token works", async () => {
  const input = { ...create, idempotencyKey: key() };
  const { value, serviceToken } = await act("createServiceToken", input);
  const { me } = await api.withToken(value).ask("{ me { role } }");
  expect(me.role).toBe("READONLY");
  const revoke = `mutation ($id: ID!) { revokeServiceToken(input: { id: $id }) { __typename } }`;
  await admin.ask(revoke, { id: serviceToken.id });
  expect(await act("createServiceToken", input)).toMatchObject({
    replayed: true,
    value,
    serviceToken: { id: serviceToken.id, state: "REVOKED" },
  });
});

test("a key with another input is refused; for another mutation or caller it is another key", async () => {
  const idempotencyKey = key();
  const { value } = await act("createServiceToken", { ...create, idempotencyKey });
  const other = await act("createServiceToken", { ...create, name: "x", idempotencyKey });
  expect(other).toMatchObject({ code: "E_IDEMPOTENCY_KEY_REUSED", retryable: false });
  const user = { ...newUser(), idempotencyKey };
  expect(await act("createPlatformUser", user)).toMatchObject({ replayed: false });
  const colleague = await api.as("ADMINISTRATOR");
  const theirs = await act("createServiceToken", { ...create, idempotencyKey }, colleague);
  expect(theirs.replayed).toBe(false);
  expect(theirs.value).not.toBe(value);
});

test("a password that was sent counts as input, too", async () => {
  const input = { ...newUser(), idempotencyKey: key() };
  const password = "seven grey geese rest";
  const made = await act("createPlatformUser", { ...input, password });
  expect(made).toMatchObject({ replayed: false, oneTimePassword: null });
  const wrong = { ...input, password: "another long password" };
  expect(await act("createPlatformUser", wrong)).toMatchObject({
    code: "E_IDEMPOTENCY_KEY_REUSED",
  });
});

test("a refusal is answered again though it would pass by now; one for the moment or for a typo is not", async () => {
  const slug = await register(world, "SUSPENDED");
  const input = { slug, email: "cy@acme.test", idempotencyKey: key() };
  const refused = await act("inviteTenantAdmin", input);
  expect(refused.code).toBe("E_TENANT_NOT_ACTIVE");
  const em = world.platform.orm.em.fork();
  await em.nativeUpdate(TenantEntity, { slug }, { status: "ACTIVE" });
  expect(await act("inviteTenantAdmin", input)).toEqual(refused);
  const invited = await act("inviteTenantAdmin", { ...input, idempotencyKey: key() });
  expect(invited.tenant.members.nodes).toHaveLength(1);

  const resend = { invitationId: invited.tenant.invitations.nodes[0].id, idempotencyKey: key() };
  expect(await act("resendInvitation", resend)).toMatchObject({ code: "E_RATE_LIMITED" });
  time.pass(120);
  expect(await act("resendInvitation", resend)).toMatchObject({ replayed: false });
  expect(await act("resendInvitation", resend)).toMatchObject({ replayed: true });

  const typo = { ...create, name: "", idempotencyKey: key() };
  expect(await act("createServiceToken", typo)).toMatchObject({ issues: [{ path: ["name"] }] });
  expect(await act("createServiceToken", { ...typo, name: "y" })).toMatchObject({
    replayed: false,
  });
});

test("keys are kept for 30 days, those of operations, too", async () => {
  const { value } = await act("createServiceToken", {
    name: "nightly",
    role: "ADMINISTRATOR",
    expiresInDays: 100,
  });
  const script = api.withToken(value);
  const token = { ...create, expiresInDays: 10, idempotencyKey: key() };
  const tenant = { ...provisionRequest(), idempotencyKey: key() };
  const first = await act("createServiceToken", token, script);
  await act("provisionTenant", tenant, script);
  time.pass(30 * 86_400 - 60);
  expect(await act("createServiceToken", token, script)).toMatchObject({ value: first.value });
  expect(await act("provisionTenant", tenant, script)).toMatchObject({ replayed: true });
  time.pass(120);
  const second = await act("createServiceToken", token, script);
  expect(second).toMatchObject({ replayed: false });
  expect(second.value).not.toBe(first.value);
  const other = { ...provisionRequest(), idempotencyKey: tenant.idempotencyKey };
  expect(await act("provisionTenant", other, script)).toMatchObject({ replayed: false });
  expect(await act("provisionTenant", other, script)).toMatchObject({ replayed: true });
});

test("nothing of a secret lies in the platform database", async () => {
  const admin = await api.as("ADMINISTRATOR");
  const password = "thirteen brown owls nap";
  const keyed = () => ({ idempotencyKey: key() });
  const { value } = await act("createServiceToken", { ...create, ...keyed() }, admin);
  const user = await act("createPlatformUser", { ...newUser(), ...keyed() }, admin);
  await act("createPlatformUser", { ...newUser(), password, ...keyed() }, admin);
  const em = world.platform.orm.em.fork();
  const tables = await em.execute<{ name: string }[]>(
    "select table_name as name from information_schema.tables where table_schema = 'platform'",
  );
  const secrets = [value, user.oneTimePassword, password, createHash("sha256").update(password)];
  const forms = secrets.flatMap((secret) =>
    typeof secret === "string"
      ? [secret, Buffer.from(secret).toString("hex")]
      : secret.digest("hex"),
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await em.execute<{ row: string }[]>(
      `select t::text as row from platform."${name}" t`,
    );
    if (rows.some(({ row }) => forms.some((form) => row.includes(form)))) found.push(name);
  }
  expect(tables.map(({ name }) => name)).toContain("idempotency_key");
  expect(found).toEqual([]);
});

describe("the header Idempotency-Key", () => {
  // The days that have passed have ended the session before.
  const admin = perFile(() => api.as("ADMINISTRATOR"));
  const send = async (header: string, query: string, input: object = create) => {
    const headers = { authorization: `Bearer ${admin.token}`, "idempotency-key": header };
    const answer = await api.post({ query, variables: { input } }, headers);
    return (await answer.json()) as Awaited<ReturnType<typeof admin.send>>;
  };
  const one = documentOf("createServiceToken");

  test("is the key of a request's one mutation, between quotes or not", async () => {
    const header = key();
    const { data } = await send(header, one);
    const { value } = data.createServiceToken;
    expect((await send(`"${header}"`, one)).data.createServiceToken).toMatchObject({
      replayed: true,
      value,
    });
    const both = await send(header, one, { ...create, idempotencyKey: header });
    expect(both.data.createServiceToken).toMatchObject({ replayed: true, value });
    const tenant = provisionRequest();
    const start = async () =>
      (await send(header, documentOf("provisionTenant"), tenant)).data.provisionTenant;
    expect([(await start()).replayed, (await start()).replayed]).toEqual([false, true]);
  });

  test("is refused where the argument says something else, or where it is no key", async () => {
    const other = await send(key(), one, { ...create, idempotencyKey: key() });
    const fault = { code: "E_VALIDATION", issues: [{ path: ["idempotencyKey"] }] };
    expect(other.data.createServiceToken).toMatchObject(fault);
    expect((await send("k".repeat(256), one)).data.createServiceToken).toMatchObject(fault);
    expect((await send("", one)).data.createServiceToken).toMatchObject(fault);
    const argument = { ...create, idempotencyKey: "" };
    expect(await act("createServiceToken", argument, admin)).toMatchObject(fault);
    const long = { ...provisionRequest(), idempotencyKey: "k".repeat(256) };
    expect(await act("provisionTenant", long, admin)).toMatchObject(fault);
  });

  test("is refused with several mutations, and passed over with queries and what needs none", async () => {
    const made = "createServiceToken(input: $input) { __typename }";
    for (const several of [
      `{ a: ${made} b: ${made} }`,
      `{ ...F } fragment F on Mutation { a: ${made} signOutEverywhere { __typename } }`,
    ]) {
      const { data, errors } = await send(
        key(),
        `mutation ($input: CreateServiceTokenInput!) ${several}`,
      );
      expect(data ?? null).toBeNull();
      expect(errors?.[0]?.extensions).toMatchObject({ code: "E_VALIDATION" });
    }
    const alone = `mutation ($input: CreateServiceTokenInput!) { __typename ...F ...F }
      fragment F on Mutation { ${made} }`;
    expect((await send(key(), alone)).data.createServiceToken.__typename).toMatch(/Payload$/);
    expect((await send(key(), "{ me { role } tenants { totalCount } }")).errors).toBeUndefined();
    const slug = await register(world, "ACTIVE");
    const lock = `mutation ($input: LockTenantInput!) { lockTenant(input: $input) { __typename } }`;
    const locked = await send("", lock, { tenant: { slug }, reason: "an audit" });
    expect(locked.data.lockTenant.__typename).toBe("LockTenantPayload");
  });

  test("may be sent by pages of allowed origins", async () => {
    const asked = await fetch(api.url, {
      method: "OPTIONS",
      headers: {
        origin: new URL(api.url).origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, idempotency-key",
      },
    });
    expect(asked.headers.get("access-control-allow-headers")).toContain("idempotency-key");
  });
});

/** Why a mutation takes no key: what it does is done once, however often it is sent. */
const NEEDS_NO_KEY: Readonly<Record<string, readonly string[]>> = {
  "open to callers without a token, who have no keys: a lost answer is had by signing in, or by asking again":
    [
      ...["acceptInvitation", "changePassword", "changeTenantPassword", "refreshSession"],
      ...["requestTenantPasswordReset", "resetTenantPassword", "signIn", "signOut", "tenantSignIn"],
    ],
  "sets what is to be: sent again, it finds that so": [
    ...["cancelOperation", "disablePlatformUser", "enablePlatformUser", "lockTenant"],
    ...["setDbServerStatus", "setPlatformUserRole", "unlockTenant", "updateDbServer"],
  ],
  "takes away: sent again, there is nothing left": [
    ...["removeMembership", "revokeInvitation", "revokeServiceToken"],
    ...["signOutEverywhere", "signOutPlatformUser"],
  ],
  "looks, and mends what it finds: sent again, it finds that mended or being mended": [
    "mendTenants",
  ],
};

test("every mutation takes a key, or is known to need none", () => {
  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});
  const takesKey = mutations.filter(({ args: [input] }) => {
    const type = input && (getNamedType(input.type) as GraphQLInputObjectType);
    return type !== undefined && "idempotencyKey" in type.getFields();
  });
  const without = mutations.filter((field) => !takesKey.includes(field)).map(({ name }) => name);
  expect(without.sort()).toEqual(Object.values(NEEDS_NO_KEY).flat().sort());
});

// The last one: its worker takes up what the others have left.
test("a one-time password is revealed to fifty requests with one key, and to no other", async () => {
  const admin = await api.as("ADMINISTRATOR");
  const input = { ...provisionRequest(), adminCredential: "ONE_TIME_PASSWORD" };
  const { operation } = await act("provisionTenant", input, admin);
  await world.startWorker();
  for await (const _ of admin.follow(EVENTS, { id: operation.id }));
  const asked = { operationId: operation.id, idempotencyKey: key() };
  const all = await Promise.all(
    Array.from({ length: 50 }, () => act("revealOneTimePassword", asked, admin)),
  );
  expect(new Set(all.map(({ oneTimePassword }) => oneTimePassword)).size).toBe(1);
  expect(all[0]).toMatchObject({ email: input.adminEmail });
  const { idempotencyKey: _, ...without } = asked;
  expect(await act("revealOneTimePassword", without, admin)).toMatchObject({
    code: "E_PASSWORD_REVEALED",
  });
  expect(await facts("ONE_TIME_PASSWORD_REVEALED")).toBe(1);
});
