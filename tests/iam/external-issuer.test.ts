import { afterEach, describe, expect, test, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { authenticate } from "../../src/iam/authenticate.ts";
import { signIn } from "../../src/iam/sign-in/sign-in.ts";
import {
  type ExternalIssuer,
  openExternalIssuer,
} from "../../src/iam/single-sign-on/external-issuer.ts";
import {
  disablePlatformUser,
  resetPlatformUserPassword,
  setPlatformUserRole,
  signOutPlatformUser,
} from "../../src/iam/users/administer-users.ts";
import { openLogger } from "../../src/observability/logger.ts";
import { ACTOR, ADDRESS, openIam, PASSWORD } from "../kit/iam.ts";
import { perTest } from "../kit/lifetime.ts";
import { openOidcIssuer, seconds } from "../kit/oidc-issuer.ts";

const oidc = perTest(openOidcIssuer);
afterEach(() => {
  vi.useRealTimers();
});

const refused = { code: "E_UNAUTHENTICATED" };
const down = { code: "E_UNAVAILABLE", retryable: true };

function trust(environment: Record<string, string> = {}): ExternalIssuer {
  const { singleSignOn } = readConfig({ ...oidc.environment, ...environment });
  if (singleSignOn === undefined) throw new Error("not configured");
  return openExternalIssuer(singleSignOn, {
    clock: () => new Date(),
    log: openLogger("silent"),
  });
}

/** Lets time pass for whoever asks the clock; nothing waits. */
function pass(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

describe("the issuer's keys", () => {
  test("are found by discovery at the first token, and then known", async () => {
    const issuer = trust();
    expect(oidc.asked).toEqual([]);
    for (let time = 0; time < 5; time++) await issuer.verify(await oidc.token());
    expect(oidc.asked).toEqual(["/.well-known/openid-configuration", "/keys"]);
  });

  test.each(["RS256", "PS256", "ES256", "EdDSA"])("may be for %s", async (alg) => {
    await oidc.addKey(alg);
    expect(await trust().verify(await oidc.token())).toMatchObject({ subject: "ada" });
  });

  test("rotate without a restart, and an old one works while the issuer shows it", async () => {
    const issuer = trust();
    const old = await oidc.token();
    await issuer.verify(old);
    await oidc.addKey();
    pass(11_000);
    await issuer.verify(await oidc.token());
    await issuer.verify(old);
    oidc.keys.shift();
    pass(660_000);
    const { exp, iat } = { iat: seconds(), exp: seconds(60) };
    const withdrawn = await oidc.token({ iat, exp });
    await issuer.verify(withdrawn);
    await vi.waitFor(
      async () => await expect(issuer.verify(old)).rejects.toMatchObject(refused),
      30_000,
    );
  });

  test("are not asked for again by tokens with invented ones", async () => {
    const issuer = trust();
    await issuer.verify(await oidc.token());
    const before = oidc.asked.length;
    for (let time = 0; time < 50; time++) {
      const token = await oidc.token({}, { header: { kid: `invented-${time}` } });
      await expect(issuer.verify(token)).rejects.toMatchObject(refused);
    }
    expect(oidc.asked).toHaveLength(before);
  });

  test.each([
    ["fails"],
    ["not-json"],
    ["empty"],
    ["foreign-discovery"],
    ["plain-http-keys"],
    ["redirects"],
    ["floods"],
  ] as const)("cannot be read from an issuer that %s: to be tried again", async (fault) => {
    oidc.fault = fault;
    const issuer = trust();
    const token = await oidc.token();
    for (let time = 0; time < 20; time++) {
      await expect(issuer.verify(token)).rejects.toMatchObject(down);
    }
    expect(oidc.asked).toHaveLength(1);
    oidc.fault = null;
    pass(5_001);
    await issuer.verify(token);
  });

  test("are told of by what came in their place, and nothing of it is quoted", async () => {
    oidc.fault = "not-json";
    await expect(trust().verify(await oidc.token())).rejects.toMatchObject({
      ...down,
      message: "The single sign-on issuer answers 200 text/html instead of its keys at the moment.",
    });
  });

  test.each(["hangs", "drips"] as const)(
    "that come from an issuer that %s hold nobody up for longer than three seconds, all together",
    async (fault) => {
      oidc.fault = fault;
      const issuer = trust();
      const token = await oidc.token();
      const since = performance.now();
      const tries = Array.from({ length: 10 }, () => issuer.verify(token));
      for (const tried of await Promise.allSettled(tries)) {
        expect(tried).toMatchObject({ status: "rejected", reason: down });
      }
      expect(performance.now() - since).toBeLessThan(5_000);
      expect(oidc.asked).toHaveLength(1);
    },
  );

  test("that are known outlive an hour of silence, and not more", async () => {
    const issuer = trust();
    await issuer.verify(await oidc.token());
    oidc.fault = "fails";
    pass(59 * 60_000);
    await issuer.verify(await oidc.token());
    pass(2 * 60_000);
    await expect(issuer.verify(await oidc.token())).rejects.toMatchObject(down);
  });
});

test("an access token of Keycloak up to 24 carries a nonce, and is told from an ID token by its type", async () => {
  const nonce = "n-0S6_WzA2Mj";
  expect(await trust().verify(await oidc.token({ typ: "Bearer", nonce }))).toMatchObject({
    subject: "ada",
  });
  for (const claims of [{ nonce }, { nonce, typ: "ID" }, { nonce, typ: "Bearer", at_hash: "h" }])
    await expect(trust().verify(await oidc.token(claims))).rejects.toMatchObject(refused);
});

describe("the role", () => {
  const roleOf = async (claims: object, environment: Record<string, string> = {}) =>
    (await trust(environment).verify(await oidc.token({ roles: undefined, ...claims }))).role;

  test.each([
    ["PLATFORM_ADMIN", "ADMINISTRATOR"],
    ["PROVISIONER", "PROVISIONER"],
    ["PLATFORM_SUPPORT", "SUPPORT"],
    ["BILLING", "BILLING"],
    ["PLATFORM_READONLY", "READONLY"],
  ])("%s is %s", async (name, role) => {
    expect(await roleOf({ roles: name })).toBe(role);
    expect(await roleOf({ roles: [name] })).toBe(role);
  });

  test("is the most powerful of those that are granted", async () => {
    expect(await roleOf({ roles: ["READONLY", "unknown", 7, "PROVISIONER", "SUPPORT"] })).toBe(
      "PROVISIONER",
    );
  });

  test.each([
    ["nothing", {}],
    ["a role that nobody knows", { roles: ["administrator", "toString", "__proto__"] }],
    ["an object", { roles: { ADMINISTRATOR: true } }],
    ["null", { roles: null }],
  ])("is none for %s", async (_what, claims) => {
    expect(await roleOf(claims)).toBeNull();
  });

  test.each([
    ["realm_access.roles", { realm_access: { roles: ["ops"] } }],
    [
      "resource_access.tenantry.api.roles",
      { resource_access: { "tenantry.api": { roles: "ops" } } },
    ],
    ["https://example.com/roles", { "https://example.com/roles": ["ops"] }],
  ])("is found at %s, and mapped", async (OIDC_ROLE_CLAIM, claims) => {
    const environment = { OIDC_ROLE_CLAIM, OIDC_ROLE_MAP: "ops = PROVISIONER, a=b=READONLY" };
    expect(await roleOf(claims, environment)).toBe("PROVISIONER");
    expect(await roleOf({ roles: ["ops"] }, environment)).toBeNull();
  });

  test.each(["scope", "scp"])("is one of the words of %s", async (OIDC_ROLE_CLAIM) => {
    const environment = {
      OIDC_ROLE_CLAIM,
      OIDC_ROLE_MAP: "tenantry:help=SUPPORT,tenantry:run=PROVISIONER",
    };
    const scope = "openid tenantry:help tenantry:run email";
    expect(await roleOf({ [OIDC_ROLE_CLAIM]: scope }, environment)).toBe("PROVISIONER");
    expect(await roleOf({ [OIDC_ROLE_CLAIM]: scope.split(" ") }, environment)).toBe("PROVISIONER");
    expect(await roleOf({ [OIDC_ROLE_CLAIM]: "openid tenantry:helper" }, environment)).toBeNull();
  });

  test("is no word of a name that has several", async () => {
    expect(await roleOf({ roles: "IT SUPPORT" })).toBeNull();
    const environment = { OIDC_ROLE_MAP: "IT SUPPORT=READONLY,SUPPORT=SUPPORT" };
    expect(await roleOf({ roles: "IT SUPPORT" }, environment)).toBe("READONLY");
  });

  test("is no default one where a map is given", async () => {
    expect(await roleOf({ roles: "ADMINISTRATOR" }, { OIDC_ROLE_MAP: "ops=SUPPORT" })).toBeNull();
  });
});

describe("somebody whom the issuer vouches for", () => {
  const world = perTest(openIam);
  const issuer = perTest(() => trust());

  const enterWith = (token: string) =>
    authenticate({ ...world, issuer }, `Bearer ${token}`, ADDRESS);
  const enter = async (claims: Record<string, unknown> = {}) =>
    await enterWith(await oidc.token(claims));
  /** Changes the bits of the signature's last letter that stand for nothing. */
  const sameTokenSpeltAnew = (token: string) => {
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return token.slice(0, -1) + letters[letters.indexOf(token.slice(-1)) ^ 1];
  };
  const users = () =>
    world.platform.sql(
      "select id, email, name, role, issuer, subject, password_hash from platform.platform_user order by id",
    );

  test("becomes a platform user at first sight, once however many come at once", async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => enter()));
    const rows = await users();
    expect(rows).toMatchObject([
      { email: "ada@example.com", name: "Ada", role: "READONLY", issuer: oidc.url, subject: "ada" },
    ]);
    expect(rows[0]?.password_hash).toBeNull();
    for (const { actor } of all) {
      const name = `ada@example.com (${new URL(oidc.url).host})`;
      expect(actor).toEqual({
        kind: "USER",
        id: rows[0]?.id,
        name,
        role: "READONLY",
        address: ADDRESS,
      });
    }
    expect(await world.trail()).toEqual(["EXTERNAL_USER_ADDED"]);
  });

  test("is followed in email, name and role, and nothing is told where nothing changed", async () => {
    const { actor } = await enter();
    await enter({ iat: seconds(1) });
    const news = { email: "Ada@New.example", name: "Ada L", roles: "SUPPORT", iat: seconds(2) };
    expect((await enter(news)).actor).toMatchObject({ id: actor.id, role: "SUPPORT" });
    expect(await users()).toMatchObject([{ email: "ada@new.example", name: "Ada L" }]);
    expect(await world.trail()).toEqual(["EXTERNAL_USER_ADDED", "EXTERNAL_USER_FOLLOWED"]);
  });

  test("gets no role back by an older token", async () => {
    const admin = { roles: "ADMINISTRATOR", iat: seconds(-60) };
    await enter(admin);
    await enter({ roles: "READONLY", iat: seconds(-30) });
    await expect(enter(admin)).rejects.toMatchObject(refused);
    expect(await users()).toMatchObject([{ role: "READONLY" }]);
  });

  test("whose role changes twice within a second has the newest one, and no older one", async () => {
    const within = { iat: seconds(-10), exp: seconds(60) };
    const first = { ...within, roles: "SUPPORT", jti: "1" };
    const second = { ...within, roles: "ADMINISTRATOR", jti: "2" };
    const third = { ...within, roles: "SUPPORT", jti: "3" };
    expect((await enter(first)).actor.role).toBe("SUPPORT");
    expect((await enter(second)).actor.role).toBe("ADMINISTRATOR");
    await expect(enter(first)).rejects.toMatchObject(refused);
    const respelt = sameTokenSpeltAnew(await oidc.token(first));
    await expect(enterWith(respelt)).rejects.toMatchObject(refused);
    expect((await enter(second)).actor.role).toBe("ADMINISTRATOR");
    expect((await enter(third)).actor.role).toBe("SUPPORT");
    await expect(enter(second)).rejects.toMatchObject(refused);
    await enter(first);
    expect(await users()).toMatchObject([{ role: "SUPPORT" }]);
    expect(await world.trail()).toEqual([
      "EXTERNAL_USER_ADDED",
      "EXTERNAL_USER_FOLLOWED",
      "EXTERNAL_USER_FOLLOWED",
    ]);
    await expect(enter({ ...within, roles: [] })).rejects.toMatchObject({ code: "E_FORBIDDEN" });
    await expect(enter(third)).rejects.toMatchObject(refused);
  });

  test("without a role is forbidden, and leaves no row", async () => {
    await expect(enter({ roles: [] })).rejects.toMatchObject({
      code: "E_FORBIDDEN",
      message: "Your account has no role here.",
    });
    expect(await users()).toEqual([]);
  });

  test("who loses the role is out with every token, until a newer one grants one", async () => {
    const good = { iat: seconds(-60) };
    const { actor } = await enter(good);
    await expect(enter({ roles: [], iat: seconds(-30) })).rejects.toMatchObject({
      code: "E_FORBIDDEN",
    });
    await expect(enter(good)).rejects.toMatchObject(refused);
    expect((await enter({ iat: seconds(-10) })).actor).toEqual(actor);
    expect(await world.trail()).toEqual([
      "EXTERNAL_USER_ADDED",
      "EXTERNAL_USER_FOLLOWED",
      "EXTERNAL_USER_FOLLOWED",
    ]);
  });

  test("who is disabled stays out, although the token is good", async () => {
    await enter();
    await world.platform.sql("update platform.platform_user set disabled_at = now()");
    await expect(enter({ iat: seconds(1) })).rejects.toMatchObject(refused);
  });

  test("is looked after by administrators, but for role and password", async () => {
    const own = await world.user("root@example.com", "ADMINISTRATOR");
    const { actor } = await enter({ roles: "ADMINISTRATOR", iat: seconds(-10) });
    const key = { id: actor.id };
    const external = { code: "E_EXTERNAL_USER" };
    await expect(setPlatformUserRole(world, ACTOR, key, "SUPPORT")).rejects.toMatchObject(external);
    await expect(resetPlatformUserPassword(world, ACTOR, key)).rejects.toMatchObject(external);
    await expect(disablePlatformUser(world, actor, key)).rejects.toMatchObject({
      code: "E_OWN_ACCOUNT",
    });
    // Whom the issuer makes an administrator does not make ours superfluous.
    await expect(disablePlatformUser(world, ACTOR, own)).rejects.toMatchObject({
      code: "E_LAST_ADMINISTRATOR",
    });
    await signOutPlatformUser(world, ACTOR, key);
    await expect(enter({ roles: "ADMINISTRATOR", iat: seconds(-10) })).rejects.toMatchObject(
      refused,
    );
    await enter({ roles: "ADMINISTRATOR", iat: seconds(2) });
    await disablePlatformUser(world, ACTOR, key);
    await expect(enter({ roles: "ADMINISTRATOR", iat: seconds(3) })).rejects.toMatchObject(refused);
  });

  test("with the email of one of our users is somebody else, before and after", async () => {
    const own = await world.user("ada@example.com", "ADMINISTRATOR");
    const { actor } = await enter();
    expect(actor.id).not.toBe(own.id);
    expect(actor.role).toBe("READONLY");
    const session = await signIn(world, {
      email: "ada@example.com",
      password: PASSWORD,
      address: ADDRESS,
    });
    expect(session.user.id).toBe(own.id);
    expect(await enter({ sub: "another" })).not.toMatchObject({ actor: { id: actor.id } });
    await enter({ sub: "eve", email: "eve@example.com" });
    expect((await world.user("eve@example.com")).issuer).toBeNull();
  });

  test("cannot sign in with a password", async () => {
    await enter();
    for (const password of ["", "null", PASSWORD]) {
      const input = { email: "ada@example.com", password, address: ADDRESS };
      await expect(signIn(world, input)).rejects.toMatchObject({ code: "E_SIGN_IN_FAILED" });
    }
  });

  test.each([
    [{ email: undefined, preferred_username: "Ada@Corp" }, "ada@corp", "Ada"],
    [{ email: undefined, name: undefined, sub: "Service" }, "service", "service"],
    [{ email: "", name: " A\u0000da\n ", upn: "u@x" }, "u@x", "Ada"],
    [{ email: "x".repeat(999), name: 7 }, "x".repeat(254), "x".repeat(254)],
  ])("is called as the token says: %#", async (claims, email, name) => {
    await enter(claims);
    expect(await users()).toMatchObject([{ email, name }]);
  });

  test("does not keep our own users waiting while the issuer hangs", async () => {
    oidc.fault = "hangs";
    await world.user("ada@example.com");
    const { accessToken } = await signIn(world, {
      email: "ada@example.com",
      password: PASSWORD,
      address: ADDRESS,
    });
    const waiting = enter().catch((error: unknown) => error);
    await vi.waitFor(() => expect(oidc.asked).toHaveLength(1), 30_000);
    const own = authenticate({ ...world, issuer }, `Bearer ${accessToken}`, ADDRESS);
    const first = await Promise.race([waiting, own]);
    expect(first).toMatchObject({ actor: { role: "PROVISIONER" } });
    expect(await waiting).toMatchObject(down);
  });
});
