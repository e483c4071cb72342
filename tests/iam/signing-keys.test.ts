import { decodeProtectedHeader, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from "jose";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Actor } from "../../src/iam/actor.ts";
import { rotateSigningKey } from "../../src/iam/tokens/rotate-signing-key.ts";
import { openSigningKeys, type SigningKeys } from "../../src/iam/tokens/signing-keys.ts";
import type { SecretStore } from "../../src/secrets/secret-store.ts";
import { ACTOR, openIam } from "../kit/iam.ts";
import { perTest } from "../kit/lifetime.ts";

const world = perTest(openIam);
/** The keys of further processes, which end before the database does. */
const others: SigningKeys[] = [];
afterEach(async () => {
  await Promise.all(others.splice(0).map((keys) => keys.close()));
});

const CONTENT = { audience: "platform", subject: "somebody", claims: { role: "READONLY" } };
const refused = { code: "E_UNAUTHENTICATED" };

/** A token signed with the platform's own key, with whatever a forger could not choose. */
async function signed(change: (jwt: SignJWT) => SignJWT, typ = "at+jwt") {
  const [row] = await world.platform.sql("select id, secret_name from platform.signing_key");
  const secret = await world.secrets.get(String(row?.secret_name));
  const key = await importJWK(JSON.parse(secret?.value ?? ""), "EdDSA");
  const jwt = new SignJWT({ jti: "x" })
    .setProtectedHeader({ alg: "EdDSA", kid: String(row?.id), typ })
    .setIssuer("tenantry")
    .setAudience("platform")
    .setSubject("somebody")
    .setIssuedAt()
    .setExpirationTime("10 minutes");
  return await change(jwt).sign(key);
}

test("signs tokens that last 15 minutes and verify with the public keys", async () => {
  const { token, expiresAt } = await world.keys.sign(CONTENT);
  const verified = await world.keys.verify(token, "platform");
  expect(verified).toMatchObject({ subject: "somebody", claims: { role: "READONLY" } });
  expect(verified.expiresAt).toEqual(expiresAt);
  expect(Math.abs(expiresAt.getTime() - Date.now() - 900_000)).toBeLessThan(2_000);
});

test("publishes public keys and nothing private", async () => {
  await world.keys.sign(CONTENT);
  const { keys } = await world.keys.publicJwks();
  expect(keys).toHaveLength(1);
  expect(keys[0]).toMatchObject({ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" });
  expect(keys[0]).not.toHaveProperty("d");
});

test("agrees on one key when processes start at once", async () => {
  await world.platform.sql("delete from platform.signing_key");
  const orms = await Promise.all([1, 2, 3, 4].map(() => world.platform.another()));
  const { secrets, clock } = world;
  const all = await Promise.all(orms.map(({ em }) => openSigningKeys({ em, secrets, clock })));
  expect(await world.platform.sql("select from platform.signing_key")).toHaveLength(1);
  const tokens = await Promise.all(all.map((keys) => keys.sign(CONTENT)));
  for (const keys of all) {
    for (const { token } of tokens) await keys.verify(token, "platform");
  }
});

/** Two processes on one database, of which the second has never seen the first key sign. */
async function twoProcesses() {
  const other = await world.platform.another();
  const second = await openSigningKeys({ ...ports(), em: other.em });
  others.push(second);
  return [world.keys, second] as const;
}
const ports = () => ({ em: world.em, secrets: world.secrets, clock: world.clock });
const ADMIN: Actor = { ...ACTOR, role: "ADMINISTRATOR" };
const kidOf = (token: string) => decodeProtectedHeader(token).kid;
const kidsOf = async (keys: SigningKeys) => (await keys.publicJwks()).keys.map(({ kid }) => kid);
/** Rotates, and lets pass for how long processes may not know of it. */
async function rotate(request: object = {}) {
  const rotation = await rotateSigningKey(ports(), ADMIN, request);
  world.pass(5);
  return rotation;
}

describe("a rotation", () => {
  test("publishes the new key, then signs with it, then lets the old one go", async () => {
    const [first, second] = await twoProcesses();
    const old = await first.sign(CONTENT);
    const { key, begun } = await rotate();
    expect(begun).toBe(true);
    for (const keys of [first, second]) {
      expect(await kidsOf(keys)).toEqual(expect.arrayContaining([kidOf(old.token), key.id]));
      expect(kidOf((await keys.sign(CONTENT)).token)).toBe(kidOf(old.token));
    }
    world.pass(290);
    const last = await second.sign(CONTENT);
    world.pass(10);
    for (const keys of [first, second]) {
      const young = await keys.sign(CONTENT);
      expect(kidOf(young.token)).toBe(key.id);
      for (const each of [first, second]) {
        await each.verify(young.token, "platform");
        await each.verify(old.token, "platform");
      }
    }
    world.pass(880);
    await first.verify(last.token, "platform");
    world.pass(80);
    expect(await Promise.all([first, second].map(kidsOf))).toEqual([[key.id], [key.id]]);
  });

  test("purges the private half of the key that is over, and a token of it is refused", async () => {
    const [first, second] = await twoProcesses();
    const old = kidOf((await first.sign(CONTENT)).token);
    await rotate();
    const name = `platform-signing-key-${old}`;
    const stolen = JSON.parse((await world.secrets.get(name))?.value ?? "");
    world.pass(300 + 961);
    await second.publicJwks();
    await vi.waitFor(
      async () => expect(await world.trail()).toContain("SIGNING_KEY_PURGED"),
      30_000,
    );
    expect(await world.secrets.get(name)).toBeNull();
    const forged = await new SignJWT({ jti: "x" })
      .setProtectedHeader({ alg: "EdDSA", kid: String(old), typ: "at+jwt" })
      .setIssuer("tenantry")
      .setAudience("platform")
      .setSubject("somebody")
      .setIssuedAt(world.clock())
      .setExpirationTime(new Date(world.clock().getTime() + 600_000))
      .sign(await importJWK(stolen, "EdDSA"));
    for (const keys of [first, second]) {
      await expect(keys.verify(forged, "platform")).rejects.toMatchObject(refused);
      await keys.verify((await keys.sign(CONTENT)).token, "platform");
    }
    const [row] = await world.platform.sql(
      "select purged_at from platform.signing_key where verifies_until is not null",
    );
    expect(row?.purged_at).toBeInstanceOf(Date);
  });

  test("that is under way is not begun again", async () => {
    const { key } = await rotate();
    const [again, third] = await Promise.all([rotate(), rotate()]);
    expect(again).toMatchObject({ begun: false, key: { id: key.id } });
    expect(third).toMatchObject({ begun: false, key: { id: key.id } });
    expect(await kidsOf(world.keys)).toHaveLength(2);
  });

  test("that waits for the secret store holds nobody up, and lets a faster one be", async () => {
    const stored = Promise.withResolvers<string>();
    const goOn = Promise.withResolvers<void>();
    const slow: SecretStore = new Proxy(world.secrets, {
      get: (store, key: keyof SecretStore) =>
        key === "set"
          ? async (...secret: Parameters<SecretStore["set"]>) => {
              const version = await store.set(...secret);
              stored.resolve(secret[0]);
              await goOn.promise;
              return version;
            }
          : store[key].bind(store),
    });
    const waiting = rotateSigningKey({ ...ports(), secrets: slow }, ADMIN, {});
    const name = await stored.promise;
    const { key, begun } = await rotate();
    expect(begun).toBe(true);
    goOn.resolve();
    expect(await waiting).toMatchObject({ begun: false, key: { id: key.id } });
    expect(await world.secrets.get(name)).toBeNull();
    expect(await world.secrets.get(key.secretName)).not.toBeNull();
    expect(await kidsOf(world.keys)).toHaveLength(2);
    expect(await world.trail()).toEqual(expect.arrayContaining(["SIGNING_KEY_ROTATED"]));
  });

  test("at once drops every key before it, also one that does not sign yet", async () => {
    const [first, second] = await twoProcesses();
    const old = await first.sign(CONTENT);
    await second.verify(old.token, "platform");
    await rotate();
    await expect(rotateSigningKey(ports(), ADMIN, { immediately: true })).rejects.toMatchObject({
      code: "E_VALIDATION",
      issues: [{ path: ["reason"] }],
    });
    const { key } = await rotate({ immediately: true, reason: "found in a backup" });
    for (const keys of [first, second]) {
      await expect(keys.verify(old.token, "platform")).rejects.toMatchObject(refused);
      expect(await kidsOf(keys)).toEqual([key.id]);
      const { token } = await keys.sign(CONTENT);
      expect(kidOf(token)).toBe(key.id);
      await first.verify(token, "platform");
    }
    expect(await world.trail()).toContain("SIGNING_KEY_ROTATED found in a backup");
  });
});

describe("refuses", () => {
  beforeEach(async () => {
    await world.keys.sign(CONTENT);
  });

  test("a token for another audience", async () => {
    const { token } = await world.keys.sign({ ...CONTENT, audience: "tenant:acme" });
    await expect(world.keys.verify(token, "platform")).rejects.toMatchObject(refused);
    await expect(world.keys.verify(token, "tenant:acm")).rejects.toMatchObject(refused);
    await world.keys.verify(token, "tenant:acme");
  });

  test("a token that has expired", async () => {
    const { token } = await world.keys.sign(CONTENT);
    world.pass(899);
    await world.keys.verify(token, "platform");
    world.pass(20);
    await expect(world.keys.verify(token, "platform")).rejects.toMatchObject(refused);
  });

  test("a token from the future", async () => {
    world.pass(60);
    const { token } = await world.keys.sign(CONTENT);
    world.pass(-60);
    await expect(world.keys.verify(token, "platform")).rejects.toMatchObject(refused);
  });

  test("a token with alg none", async () => {
    const token = new UnsecuredJWT({ jti: "x" })
      .setIssuer("tenantry")
      .setAudience("platform")
      .setSubject("somebody")
      .setIssuedAt()
      .setExpirationTime("10 minutes")
      .encode();
    await expect(world.keys.verify(token, "platform")).rejects.toMatchObject(refused);
  });

  test("a token whose content was changed", async () => {
    const { token } = await world.keys.sign(CONTENT);
    const [head, body, mac] = token.split(".");
    const claims = JSON.parse(Buffer.from(body ?? "", "base64url").toString());
    const forged = Buffer.from(JSON.stringify({ ...claims, role: "ADMINISTRATOR" }));
    const changed = [head, forged.toString("base64url"), mac].join(".");
    await expect(world.keys.verify(changed, "platform")).rejects.toMatchObject(refused);
  });

  test("a token that another key signed under our key's id, or an HMAC over our public key", async () => {
    const { keys } = await world.keys.publicJwks();
    const kid = String(keys[0]?.kid);
    const claims = (alg: string) =>
      new SignJWT({ jti: "x" })
        .setProtectedHeader({ alg, kid, typ: "at+jwt" })
        .setIssuer("tenantry")
        .setAudience("platform")
        .setSubject("somebody")
        .setIssuedAt()
        .setExpirationTime("10 minutes");
    const { privateKey } = await generateKeyPair("EdDSA");
    const foreign = await claims("EdDSA").sign(privateKey);
    const hmac = await claims("HS256").sign(Buffer.from(JSON.stringify(keys[0])));
    for (const token of [foreign, hmac]) {
      await expect(world.keys.verify(token, "platform")).rejects.toMatchObject(refused);
    }
  });

  test("a token of an unknown key, however often", async () => {
    const { privateKey } = await generateKeyPair("EdDSA");
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: "EdDSA", kid: "x" })
      .sign(privateKey);
    for (let asked = 0; asked < 50; asked++) {
      await expect(world.keys.verify(token, "platform")).rejects.toMatchObject(refused);
    }
  });

  test.each([
    ["another issuer", (jwt: SignJWT) => jwt.setIssuer("someone")],
    [
      "an age of more than 15 minutes",
      (jwt: SignJWT) => jwt.setIssuedAt(Math.floor(Date.now() / 1000) - 1000),
    ],
    [
      "an expiry in milliseconds but too old",
      (jwt: SignJWT) => jwt.setIssuedAt(1).setExpirationTime(Date.now()),
    ],
  ])("our own signature with %s", async (_what, change) => {
    await world.keys.verify(await signed((jwt) => jwt), "platform");
    await expect(world.keys.verify(await signed(change), "platform")).rejects.toMatchObject(
      refused,
    );
  });

  test("our own signature on a JWT that is no access token", async () => {
    const token = await signed((jwt) => jwt, "JWT");
    await expect(world.keys.verify(token, "platform")).rejects.toMatchObject(refused);
  });

  test.each(["", "x", "a.b.c", "..", "x".repeat(5000)])("the text %#", async (text) => {
    await expect(world.keys.verify(text, "platform")).rejects.toMatchObject(refused);
  });
});
