import { expect, test } from "vitest";
import { openApi } from "../../src/api/transport/server.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile, stopDate } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";

perFile(stopDate);
const world = perFile(() => openPlatform({ environment: { TRUSTED_PROXIES: "127.0.0.1" } }));
const api = perFile(() => openTestApi(world));

const ANSWER = `__typename
  ... on UserError { code message retryable nextAction }
  ... on RateLimitedError { retryAfter }`;
const WRONG = "a wrong password";
const FREE = 6;

/** Every mutation that takes credentials, with some that are wrong. */
const MUTATIONS = {
  signIn: { type: "SignInInput", input: { email: "ada@example.com", password: WRONG } },
  changePassword: {
    type: "ChangePasswordInput",
    input: {
      email: "eve@example.com",
      currentPassword: WRONG,
      newPassword: "another quiet river",
    },
  },
  tenantSignIn: {
    type: "TenantSignInInput",
    input: { slug: "acme", email: "ada@example.com", password: WRONG },
  },
  changeTenantPassword: {
    type: "ChangeTenantPasswordInput",
    input: {
      slug: "acme",
      email: "eve@example.com",
      currentPassword: WRONG,
      newPassword: "another quiet river",
    },
  },
  acceptInvitation: {
    type: "AcceptInvitationInput",
    input: { token: "unknown.token", newPassword: "another quiet river" },
  },
  resetTenantPassword: {
    type: "ResetTenantPasswordInput",
    input: { token: "unknown.token", newPassword: "another quiet river" },
  },
};
type Field = keyof typeof MUTATIONS;
const FIELDS = Object.keys(MUTATIONS) as Field[];

const documentOf = (field: Field) =>
  `mutation ($input: ${MUTATIONS[field].type}!) { ${field}(input: $input) { ${ANSWER} } }`;

const ask = async (field: Field) => {
  const { input } = MUTATIONS[field];
  const response = await api.post({ query: documentOf(field), variables: { input } });
  const answer = (await response.json()) as { data: Record<Field, Record<string, unknown>> };
  return answer.data[field];
};

test.each(FIELDS)("%s answers after how many seconds to try again", async (field) => {
  for (let time = 0; time < FREE; time++) {
    expect(await ask(field)).toMatchObject({ __typename: "RefusedError" });
  }
  expect(await ask(field)).toEqual({
    __typename: "RateLimitedError",
    code: "E_RATE_LIMITED",
    message: "Too many attempts: try again in 2 s.",
    retryable: true,
    nextAction: "Wait for the time that is named, then send it again.",
    retryAfter: 2,
  });
});

test("requestTenantPasswordReset answers alike until it has to wait", async () => {
  const query = `mutation ($input: RequestTenantPasswordResetInput!) {
    requestTenantPasswordReset(input: $input) { ${ANSWER}
      ... on RequestTenantPasswordResetPayload { requested } } }`;
  const request = async () => {
    const variables = { input: { slug: "acme", email: "forgetful@example.com" } };
    const response = await api.post({ query, variables });
    const answer = (await response.json()) as { data: Record<string, object> };
    return answer.data.requestTenantPasswordReset;
  };
  for (let time = 0; time < FREE; time++) {
    expect(await request()).toEqual({
      __typename: "RequestTenantPasswordResetPayload",
      requested: true,
    });
  }
  expect(await request()).toMatchObject({ __typename: "RateLimitedError", retryAfter: 2 });
});

test("a crowd of strangers keeps nobody out who is known, nor another stranger", async () => {
  const password = "a long walk by the river";
  const [known, stranger] = await Promise.all([0, 1].map(() => world.newUser(password)));
  const query = `mutation ($input: SignInInput!) {
    signIn(input: $input) { ${ANSWER} ... on Session { user { email } } } }`;
  const signIn = async (from: string, input: object) => {
    const response = await api.post({ query, variables: { input } }, { "x-forwarded-for": from });
    return ((await response.json()) as { data: { signIn: Record<string, unknown> } }).data.signIn;
  };
  const inside = { email: known?.email, password };
  expect(await signIn("198.51.100.1", inside)).toMatchObject({ __typename: "Session" });
  const crowd = Array.from({ length: 400 }, (_none, index) =>
    signIn("203.0.113.9", { email: `nobody${index}@example.com`, password: WRONG }),
  );
  const early = signIn("198.51.100.2", { email: stranger?.email, password });
  await Promise.race(crowd);
  expect(await signIn("198.51.100.1", inside)).toMatchObject({ __typename: "Session" });
  const codes = (await Promise.all(crowd)).map(({ code }) => code);
  expect(codes.filter((code) => code === "E_SIGN_IN_FAILED").length).toBeLessThanOrEqual(60);
  expect(new Set(codes)).toEqual(new Set(["E_SIGN_IN_FAILED", "E_RATE_LIMITED"]));
  expect(await early).toMatchObject({ __typename: "Session" });
});

test("two servers of the API count together", async () => {
  const { platform } = world;
  const other = await openApi(platform);
  try {
    const input = { email: "mallory@example.com", password: WRONG };
    const codes: string[] = [];
    for (let time = 0; time <= FREE; time++) {
      const url = time % 2 === 0 ? api.url : other.url;
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query: documentOf("signIn"), variables: { input } }),
      });
      const { data } = (await response.json()) as { data: { signIn: { code: string } } };
      codes.push(data.signIn.code);
    }
    expect(codes.at(-1)).toBe("E_RATE_LIMITED");
    expect(codes.slice(0, -1)).toEqual(Array.from({ length: FREE }, () => "E_SIGN_IN_FAILED"));
  } finally {
    await other.close();
  }
});

test.each([
  [
    "aliases",
    `mutation ($a: SignInInput!) { a: signIn(input: $a) { ${ANSWER} } b: signIn(input: $a) { ${ANSWER} } }`,
  ],
  [
    "a fragment that is spread twice",
    `mutation ($a: SignInInput!) { ...F x: __typename ...G } fragment F on Mutation { a: signIn(input: $a) { ${ANSWER} } } fragment G on Mutation { b: signIn(input: $a) { ${ANSWER} } }`,
  ],
  ...[20, 50].map((count): [string, string] => [
    `${count} aliases`,
    `mutation ($a: SignInInput!) { ${Array.from({ length: count }, (_none, at) => `a${at}: signIn(input: $a) { ${ANSWER} }`).join(" ")} }`,
  ]),
])("no request tries twice by %s: it is refused before the first try", async (_how, query) => {
  const { orm } = world.platform;
  const count = async () =>
    (await orm.em.fork().execute("select sum(failures) from platform.sign_in_attempt"))[0];
  const before = await count();
  const input = { email: "alias@example.com", password: WRONG };
  const response = await api.post({ query, variables: { a: input } });
  expect(response.status).toBe(400);
  const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
  expect(errors[0]?.extensions.code).toBe("E_QUERY_TOO_COMPLEX");
  expect(await count()).toEqual(before);
});

test("no array of requests tries more than once", async () => {
  const { input } = MUTATIONS.signIn;
  const request = { query: documentOf("signIn"), variables: { input } };
  expect((await api.post([request, request])).status).toBe(400);
});
