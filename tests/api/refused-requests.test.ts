import { request } from "node:http";
import { GraphQLError, parse } from "graphql";
import { describe, expect, test, vi } from "vitest";
import { rememberDocuments } from "../../src/api/transport/documents.ts";
import { withFewErrors } from "../../src/api/transport/few-errors.ts";
import { publicErrors } from "../../src/api/transport/public-error.ts";
import type { Logger } from "../../src/observability/logger.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";

const world = perFile(openPlatform);
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));

const SIGN_IN = "mutation ($i: SignInInput!) { signIn(input: $i) { __typename } }";
const times = (count: number, text: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => text(at)).join(" ");
const keys = (count: number, length: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`.padEnd(length, "x"), 1]));
const bearer = () => ({ authorization: `Bearer ${admin.token}` });
const textOf = async (body: unknown, headers: Record<string, string> = {}) =>
  await (await api.post(body, headers)).text();

function setUpErrors() {
  const error = vi.fn();
  return { error, publicErrorOf: publicErrors({ error } as unknown as Logger) };
}

describe("a stranger's request", () => {
  test.each<[string, object]>([
    [
      "of many unknown input fields",
      {
        query: `mutation { signIn(input: {${times(150, (at) => `k${at}${"x".repeat(300)}: 1`)}}) }`,
      },
    ],
    ["of many unknown fields", { query: `{ ${times(480, (at) => `tenantz${at}`)} }` }],
    ["of one long name", { query: `{ ${"x".repeat(49_000)} }` }],
    ["that is no GraphQL", { query: `{ "${"x".repeat(49_000)}" }` }],
    [
      "of fields that contradict each other",
      { query: `{ ${times(30, (at) => `me { a: role a: grants b${at}: role }`)} }` },
    ],
    ["of many unknown keys", { query: SIGN_IN, variables: { i: keys(1_500, 20) } }],
    ["of more keys than are looked at", { query: SIGN_IN, variables: { i: keys(3_000, 15) } }],
    ["of a long key", { query: SIGN_IN, variables: { i: keys(1, 50_000) } }],
    ["of a long text", { query: SIGN_IN, variables: { i: { email: "x".repeat(60_000) } } }],
    ["with a parameter of its own", { query: "{ __typename }", ["x".repeat(60_000)]: 1 }],
    [
      "for an operation of a long name",
      { query: "{ __typename }", operationName: "x".repeat(60_000) },
    ],
  ])("%s is refused in a few short errors", async (_what, body) => {
    const answer = await api.post(body);
    const text = await answer.text();
    expect(answer.status).toBe(400);
    expect(text.length).toBeLessThan(16_000);
    const { errors } = JSON.parse(text);
    expect(errors.length).toBeLessThanOrEqual(11);
    for (const { message, extensions } of errors) {
      expect(extensions.code).toMatch(/^[A-Z_]+$/);
      expect(extensions.code).not.toBe("E_INTERNAL");
      expect(message).not.toMatch(/did you mean|found:/i);
    }
  });

  test("is read up to 64 kB, that of somebody who is signed in up to 256 kB", async () => {
    const large = { query: "{ __typename }", variables: { a: "x".repeat(70_000) } };
    expect((await api.post(large)).status).toBe(413);
    expect(await textOf(large, bearer())).toContain("at most 10000 characters in a text");
    expect((await api.post("x".repeat(270_000), bearer())).status).toBe(413);
  });

  test("without a length is read no further", async () => {
    const status = await new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
      const sent = request(api.url, { method: "POST", headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on("error", reject);
      sent.write("x".repeat(70_000));
    });
    expect(status).toBe(413);
  });

  test("that is no JSON is not echoed", async () => {
    const text = await textOf('{"query": "{ me }", hunter2');
    expect(JSON.parse(text).errors[0].extensions).toMatchObject({
      code: "E_VALIDATION",
      nextAction: expect.stringContaining("Send a JSON object"),
    });
    expect(text).not.toContain("hunter2");
    for (const body of ["null", "5", '"text"']) expect((await api.post(body)).status).toBe(400);
  });

  test("in a URL whose variables are no JSON is refused, too", async () => {
    const headers = { accept: "text/event-stream" };
    const answer = await fetch(`${api.url}?query={me{role}}&variables={hunter2`, { headers });
    const text = await answer.text();
    expect(text).toContain("E_VALIDATION");
    expect(text).not.toContain("hunter2");
  });

  test.each([
    [
      "application/x-www-form-urlencoded",
      "query=mutation{signOut(input:{refreshToken:%22x%22}){__typename}}",
    ],
    ["multipart/form-data; boundary=x", "--x\r\n\r\n--x--"],
    ["text/plain", JSON.stringify({ query: "{ __typename }" })],
    ["application/graphql", "{ __typename }"],
    ["application/jsonp", JSON.stringify({ query: "{ __typename }" })],
  ])(
    "of the content type %s, as pages of anybody can send it, is answered 415",
    async (type, body) => {
      const headers = { "content-type": type, origin: "https://evil.example" };
      const answer = await fetch(api.url, { method: "POST", headers, body });
      expect(answer.status).toBe(415);
      expect(await answer.json()).toMatchObject({
        errors: [{ extensions: { code: "E_VALIDATION" } }],
      });
    },
  );
});

describe("a signed-in caller's request", () => {
  test.each<[string, string, object, string]>([
    [
      "for the schema many times over",
      `{ ${times(25, (at) => `a${at}: __schema { types { name } }`)} }`,
      {},
      "at most 1 introspection",
    ],
    [
      "for the schema once, all of it many times over",
      `{ __schema { ${times(4, (at) => `a${at}: types { name }`)} } }`,
      {},
      "at most 30 aliases",
    ],
    [
      "of 50,000 keys",
      "query ($f: TenantFilter) { tenants(filter: $f) { totalCount } }",
      { f: Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, 1])) },
      "at most 2000 values",
    ],
    [
      "of a long list",
      'mutation ($s: [String!]!) { seedTenant(input: { tenant: { slug: "acme" }, sets: $s }) { __typename } }',
      { s: Array.from({ length: 20_000 }, () => "core") },
      "at most 2000 values",
    ],
    [
      "of a long text",
      "query ($s: String!) { tenant(by: { slug: $s }) { id } }",
      { s: "x".repeat(200_000) },
      "at most 10000 characters",
    ],
  ])("%s is refused before it is executed", async (_what, query, variables, words) => {
    const { status, errors } = await admin.send(query, variables as Record<string, unknown>);
    expect(status).toBe(400);
    expect(errors?.[0]).toMatchObject({ extensions: { code: "E_QUERY_TOO_COMPLEX" } });
    expect(errors?.[0]?.message).toContain(words);
  });

  test("whose variables are not of their types is told which, with a code", async () => {
    const query =
      "query ($f: TenantFilter, $n: Int!) { tenants(filter: $f, first: $n) { totalCount } }";
    const { status, errors } = await admin.send(query, { f: { status: "ASLEEP", nope: 1 } });
    expect(status).toBe(400);
    expect(errors).toHaveLength(1);
    expect(errors?.[0]?.extensions).toMatchObject({
      code: "E_VALIDATION",
      nextAction: expect.stringContaining("Mend what is named"),
      issues: [
        { path: ["f", "status"], message: expect.not.stringContaining("ASLEEPING") },
        { path: ["f"], message: expect.stringContaining('unknown field "nope"') },
        { path: ["n"] },
      ],
    });
  });

  test("with a moment outside of the calendar is told so", async () => {
    const query = "query ($s: DateTime) { auditEvents(filter: { since: $s }) { totalCount } }";
    for (const s of ["-271821-04-20T00:00:00.000Z", "0000-01-01", "+010000-01-01T00:00:00Z", "5"]) {
      const { errors } = await admin.send(query, { s });
      expect(errors?.[0]?.extensions).toMatchObject({
        code: "E_VALIDATION",
        issues: [{ path: ["s"] }],
      });
    }
    for (const s of ["0001-01-01", "2026-11-30T10:00:00+02:00", "9999-12-31T23:59:59.999Z"]) {
      expect((await admin.send(query, { s })).errors).toBeUndefined();
    }
  });

  test("that asks for a list of nonsense is told the first faults of it", async () => {
    const query = `mutation ($s: [String!]!) {
      provisionTenant(input: { slug: "acme", name: "A", adminEmail: "a@example.com", initialLaboratory: "L", seeds: $s }) {
        ... on UserError { message } ... on ValidationError { issues { path } }
      }
    }`;
    const { provisionTenant } = await admin.ask(query, { s: Array(1_900).fill("nope") });
    expect(provisionTenant.issues).toHaveLength(20);
    expect(provisionTenant.message).toMatch(/; and 18\d\d more$/);
  });
});

test("ten thousand errors of fields are told as the first hundred, and how many more there are", () => {
  const { error, publicErrorOf } = setUpErrors();
  const all = Array.from({ length: 10_000 }, (_, at) => {
    const cause = new Error("outer", { cause: new Error("inner", { cause: "hunter2" }) });
    return new GraphQLError("x", { path: ["nodes", at], originalError: cause });
  });
  const { errors = [], data } = withFewErrors({ data: { nodes: [] }, errors: all });
  const told = errors.map(publicErrorOf);
  expect(data).toEqual({ nodes: [] });
  expect(told).toHaveLength(101);
  expect(told.at(-1)?.toJSON()).toMatchObject({
    message: "9900 more errors are left out.",
    extensions: { code: "E_QUERY_TOO_COMPLEX" },
  });
  expect(error).toHaveBeenCalledTimes(100);
  expect(JSON.stringify(told)).not.toContain("hunter2");
});

describe("documents that are remembered", () => {
  const document = (at: number) => parse(`{ a${at} }`);

  test("are the most recent ones, as many as fit", () => {
    const documents = rememberDocuments(2_500);
    const first = document(0);
    documents.add(first);
    documents.add(document(1));
    expect(documents.of("{ a0 }")).toBe(first);
    expect(documents.has(first)).toBe(true);
    documents.add(document(2));
    expect(documents.of("{ a0 }")).toBe(first);
    expect(documents.of("{ a1 }") === undefined).toBe(true);
    for (let at = 3; at < 1_000; at += 1) documents.add(document(at));
    expect(documents.of("{ a0 }") === undefined).toBe(true);
    expect(documents.of("{ a999 }") !== undefined).toBe(true);
  });
});
