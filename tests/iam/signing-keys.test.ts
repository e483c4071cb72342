import { generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSigningKeys } from "../../src/iam/signing-keys.ts";
import { type IamWorld, openIam } from "../kit/iam.ts";

let world: IamWorld;
beforeEach(async () => {
  world = await openIam();
});
afterEach(() => world[Symbol.asyncDispose]());

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
  expect(Math.abs(expiresAt.getTime() - Date.now() - 900_000)).toBeLessThan(2000);
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

test("verifies what a process with a newer key signed, and what the retired key signed", async () => {
  const first = await openSigningKeys(world);
  const old = await first.sign(CONTENT);
  await first.verify(old.token, "platform");
  await world.platform.sql("update platform.signing_key set retired_at = now()");
  const second = await openSigningKeys(world);
  const young = await second.sign(CONTENT);
  // The first looks an unknown key up once a second at most.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await first.verify(young.token, "platform");
  await second.verify(old.token, "platform");
  await world.platform.sql(
    "update platform.signing_key set retired_at = now() - interval '1 day' where retired_at is not null",
  );
  const third = await openSigningKeys(world);
  await expect(third.verify(old.token, "platform")).rejects.toMatchObject(refused);
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
