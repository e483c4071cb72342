import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, importJWK } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openClient } from "../../src/client/client.ts";
import { openTestApi } from "../kit/api.ts";
import { PASSWORD } from "../kit/iam.ts";
import { perFile } from "../kit/lifetime.ts";
import { AUDIENCE, type OidcIssuer, openOidcIssuer, seconds } from "../kit/oidc-issuer.ts";
import { openPlatform } from "../kit/platform.ts";
import { knock, ownKey, ownToken, tampered, unsigned } from "./_tokens.ts";
import { SignIn } from "./documents.ts";

const HOUR = 3600;

let attacker: { privateKey: CryptoKey; publicKey: CryptoKey };
let rsaAttacker: { privateKey: CryptoKey; publicKey: CryptoKey };
/** Serves the attacker's keys, and counts who came for them. */
let lure: { url: string; visits: number; close(): void };

const oidc = perFile(openOidcIssuer);
const world = perFile(() => openPlatform({ environment: oidc.environment }));
const api = perFile(() => openTestApi(world));
const admin = perFile(() => api.as("ADMINISTRATOR"));
const key = perFile(() => ownKey(world.platform));
let adminId: string;

beforeAll(async () => {
  attacker = await generateKeyPair("EdDSA", { extractable: true });
  rsaAttacker = await generateKeyPair("RS256", { extractable: true });
  lure = await openLure();
  const { me } = await ask(admin.token);
  adminId = me.user.id;
});
afterAll(() => lure.close());

async function ask(token: string) {
  const query = "{ me { user { id } } }";
  const answer = await api.post({ query }, { authorization: `Bearer ${token}` });
  return ((await answer.json()) as { data: { me: { user: { id: string } } } }).data;
}

async function openLure() {
  const jwk = await exportJWK(rsaAttacker.publicKey);
  const server = createServer((_req, res) => {
    trap.visits += 1;
    res.end(JSON.stringify({ keys: [{ ...jwk, kid: "lure", alg: "RS256" }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  const trap = { url, visits: 0, close: () => server.close() };
  return trap;
}

/** What everybody is told whose token is not good, and nothing else. */
const REFUSAL = {
  message: "You are not signed in, or your token is not valid.",
  extensions: {
    code: "E_UNAUTHENTICATED",
    retryable: false,
    nextAction: "Sign in and send the access token.",
  },
};

async function expectRefused(token: string): Promise<void> {
  const { http, sse, socket } = await knock(api.url, token);
  expect(http).toEqual({
    status: 401,
    challenge: 'Bearer realm="tenantry", error="invalid_token"',
    body: { errors: [REFUSAL] },
  });
  expect(sse.status).toBe(401);
  expect(sse.text).toContain(JSON.stringify({ errors: [REFUSAL] }));
  expect(sse.text).not.toContain('"data"');
  expect(socket).toEqual({ code: 4403, reason: "Forbidden", messages: [] });
}

/** The header of a token of ours, and of the issuer's, whose signature is an HMAC. */
const hmac = { alg: "HS256" };
const bytes = (text: string) => new TextEncoder().encode(text);

const own = (claims: object = {}, options: Parameters<typeof ownToken>[2] = {}) =>
  ownToken(key, { sub: adminId, ...claims }, options);

/** Each makes a token that would be good, but for one thing. */
const OWN: Record<string, () => Promise<string>> = {
  "signed by another key under our key's id": () => own({}, { key: attacker.privateKey }),
  "with claims that were changed": async () => tampered(await own()),
  "that has expired": () => own({ iat: seconds(-900), exp: seconds(-60) }),
  "that is older than any of ours lasts": () => own({ iat: seconds(-1000), exp: seconds(60) }),
  "of a foreign issuer": () => own({ iss: "https://elsewhere.example" }),
  "without an issuer": () => own({ iss: undefined }),
  "for a foreign audience": () => own({ aud: "elsewhere" }),
  "for a tenant": () => own({ aud: "tenant:acme" }),
  "without an audience": () => own({ aud: undefined }),
  "with alg none": async () => unsigned(await own()),
  "with alg none and a signature": async () => unsigned(await own(), "eHh4"),
  "with an HMAC over our public key as JWK": () =>
    own({}, { header: hmac, key: bytes(JSON.stringify(key.publicJwk)) }),
  "with an HMAC over our public key's bytes": () =>
    own({}, { header: hmac, key: Buffer.from(key.publicJwk.x ?? "", "base64url") }),
  "from the future": () => own({ iat: seconds(120) }),
  "that is not valid yet": () => own({ nbf: seconds(120) }),
  "without an expiry": () => own({ exp: undefined }),
  "without a moment of issue": () => own({ iat: undefined }),
  "without a subject": () => own({ sub: undefined }),
  "with an expiry in milliseconds": () => own({ exp: Date.now() + 60_000 }),
  "with an expiry in words": () => own({ exp: "never" }),
  "that names no key": () => own({}, { header: { kid: undefined } }),
  "that names an unknown key": () => own({}, { header: { kid: "unknown" } }),
  "that names a key by a path": () => own({}, { header: { kid: "../../dev/null" } }),
  "that brings its key along": async () => {
    const jwk = await exportJWK(attacker.publicKey);
    return await own({}, { header: { jwk }, key: attacker.privateKey });
  },
  "that says where its key lies": () =>
    own({}, { header: { jku: lure.url, kid: "lure" }, key: attacker.privateKey }),
  "that is oversized": () => own({ padding: "x".repeat(5_000) }),
  "of another type": () => own({}, { header: { typ: "JWT" } }),
  "of no type": () => own({}, { header: { typ: undefined } }),
  "for nobody": () => own({ sub: "01a1fbed-b29a-70d2-8c55-85317a02f6a4" }),
  "whose subject is no id": () => own({ sub: "' or true --" }),
  "that is a refresh token": async () => {
    const { email } = await world.newUser(PASSWORD);
    const client = openClient({ url: api.url });
    const { signIn: session } = await client.execute(SignIn, {
      input: { email, password: PASSWORD },
    });
    return session.__typename === "Session" ? session.refreshToken : "";
  },
  "that the external issuer signed in our name": () =>
    oidc.token(
      { iss: "tenantry", aud: "platform", sub: adminId, jti: "x" },
      { header: { typ: "at+jwt" } },
    ),
};

describe("a token of ours", () => {
  test("opens every door when it is good", async () => {
    expect(await ask(await own())).toEqual({ me: { user: { id: adminId } } });
  });

  test.each(Object.keys(OWN))("%s is refused at every door", async (what) => {
    await expectRefused((await OWN[what]?.()) ?? "");
  });

  test("is refused at every door from the moment its user is disabled", async () => {
    const { orm } = world.platform;
    const setDisabled = (at: string) =>
      orm.em
        .fork()
        .execute(`update platform.platform_user set disabled_at = ${at} where id = ?`, [adminId]);
    await setDisabled("now()");
    try {
      await expectRefused(admin.token);
    } finally {
      await setDisabled("null");
    }
    expect(await ask(admin.token)).toEqual({ me: { user: { id: adminId } } });
  });
});

type Claims = Parameters<OidcIssuer["token"]>[0];
const theirs = (claims: Claims = {}, options: Parameters<OidcIssuer["token"]>[1] = {}) =>
  oidc.token({ roles: ["ADMINISTRATOR"], ...claims }, options);

const EXTERNAL: Record<string, () => Promise<string>> = {
  "signed by another key under the issuer's key's id": () =>
    theirs({}, { key: rsaAttacker.privateKey }),
  "with claims that were changed": async () => tampered(await theirs({ roles: [] })),
  "that has expired": () => theirs({ iat: seconds(-900), exp: seconds(-60) }),
  "that is older than is believed": () => theirs({ iat: seconds(-3 * HOUR), exp: seconds(60) }),
  "of a foreign issuer": () => theirs({ iss: "https://elsewhere.example" }),
  "of an issuer that is named a little otherwise": () => theirs({ iss: `${oidc.url}/` }),
  "for a foreign audience": () => theirs({ aud: "elsewhere" }),
  "without an audience": () => theirs({ aud: undefined }),
  "with alg none": async () => unsigned(await theirs()),
  "with alg none and a signature": async () => unsigned(await theirs(), "eHh4"),
  "with an HMAC over the issuer's public key as JWK": () =>
    theirs({}, { header: hmac, key: bytes(JSON.stringify(oidc.newest.publicJwk)) }),
  "with an HMAC over the issuer's public key as PEM": async () => {
    const publicKey = await importJWK(oidc.newest.publicJwk, "RS256", { extractable: true });
    return await theirs({}, { header: hmac, key: bytes(await exportSPKI(publicKey as CryptoKey)) });
  },
  "from the future": () => theirs({ iat: seconds(120) }),
  "that is not valid yet": () => theirs({ nbf: seconds(120) }),
  "without an expiry": () => theirs({ exp: undefined }),
  "without a moment of issue": () => theirs({ iat: undefined }),
  "without a subject": () => theirs({ sub: undefined }),
  "whose subject is a number": () => theirs({ sub: 7 }),
  "with an empty subject": () => theirs({ sub: "" }),
  "whose subject holds a control character": () => theirs({ sub: "a\u0000b" }),
  "with an expiry in milliseconds": () => theirs({ exp: Date.now() + 60_000 }),
  "with everything in milliseconds": () => theirs({ iat: Date.now(), exp: Date.now() + 60_000 }),
  "that lasts longer than is believed": () => theirs({ exp: seconds(3 * HOUR) }),
  "that names no key": () => theirs({}, { header: { kid: undefined } }),
  "that names an unknown key": () => theirs({}, { header: { kid: "unknown" } }),
  "that brings its key along": async () => {
    const jwk = await exportJWK(rsaAttacker.publicKey);
    return await theirs({}, { header: { jwk }, key: rsaAttacker.privateKey });
  },
  "that says where its key lies": () =>
    theirs({}, { header: { jku: lure.url, kid: "lure" }, key: rsaAttacker.privateKey }),
  "with an extension that nobody knows": async () => {
    const [, body, signature] = (await theirs()).split(".");
    const header = { alg: "RS256", kid: oidc.newest.kid, crit: ["exp"], exp: 1 };
    return `${Buffer.from(JSON.stringify(header)).toString("base64url")}.${body}.${signature}`;
  },
  "that is oversized": () => theirs({ groups: "x".repeat(11_000) }),
  "that is an ID token": () => theirs({ nonce: "n-0S6_WzA2Mj" }),
  "that is an ID token with the hash of an access token": () =>
    theirs({ at_hash: "77QmUPtjPfzWtF2AnpK9RQ" }),
  "that is an ID token of Keycloak": () => theirs({ typ: "ID" }),
  "that is a refresh token of Keycloak": () => theirs({ typ: "Refresh" }),
  "that is for signing out": () => theirs({}, { header: { typ: "logout+jwt" } }),
  "that is bound to a key": () =>
    theirs({ cnf: { jkt: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }),
  "that we signed in the issuer's name": () =>
    own({ iss: oidc.url, aud: AUDIENCE, roles: ["ADMINISTRATOR"] }),
};

describe("a token of the external issuer", () => {
  test("opens the door when it is good, and makes nobody who is refused a user", async () => {
    const { me } = await ask(await theirs({ sub: "good" }));
    expect(me.user.id).not.toBe(admin);
  });

  test.each(Object.keys(EXTERNAL))("%s is refused at every door", async (what) => {
    await expectRefused((await EXTERNAL[what]?.()) ?? "");
  });

  test("is refused at every door from the moment its user is disabled", async () => {
    const token = await theirs({ sub: "leaver" });
    const { me } = await ask(token);
    await world.platform.orm.em
      .fork()
      .execute("update platform.platform_user set disabled_at = now() where id = ?", [me.user.id]);
    await expectRefused(token);
    await expectRefused(await theirs({ sub: "leaver", iat: seconds(1) }));
  });

  test("that was refused has left nobody, and nobody went where a token pointed", async () => {
    const rows = await world.platform.orm.em
      .fork()
      .execute("select subject from platform.platform_user where issuer is not null order by 1");
    expect(rows).toEqual([{ subject: "good" }, { subject: "leaver" }]);
    expect(lure.visits).toBe(0);
  });
});
