import { describe, expect, test } from "vitest";
import { authenticate } from "../../src/iam/authenticate.ts";
import { refreshSession, signOut } from "../../src/iam/sign-in/refresh-session.ts";
import { changePassword, signIn } from "../../src/iam/sign-in/sign-in.ts";
import { createPlatformUser } from "../../src/iam/users/platform-users.ts";
import { findUser, lockUser } from "../../src/iam/users/users.ts";
import { untilBlocked } from "../kit/database.ts";
import { ACTOR, ADDRESS, openIam, PASSWORD } from "../kit/iam.ts";
import { perTest } from "../kit/lifetime.ts";

const world = perTest(openIam);

const EMAIL = "ada@example.com";
const enter = (password = PASSWORD, email = EMAIL) =>
  signIn(world, { email, password, address: ADDRESS });
const change = (currentPassword: string, newPassword: string, email = EMAIL) =>
  changePassword(world, { email, currentPassword, newPassword, address: ADDRESS });
const refresh = (refreshToken: string) => refreshSession(world, { refreshToken, address: ADDRESS });
const who = (token: string) => authenticate(world, `Bearer ${token}`, ADDRESS);
const SIGN_IN_FAILED = { code: "E_SIGN_IN_FAILED" };
const UNAUTHENTICATED = { code: "E_UNAUTHENTICATED" };

describe("signing in", () => {
  test("answers a session that authenticates", async () => {
    const user = await world.user(EMAIL);
    const session = await enter(PASSWORD, " Ada@Example.COM ");
    expect(session.user).toEqual(user);
    expect(user).toMatchObject({ email: EMAIL, name: "A User", role: "PROVISIONER" });
    expect(await who(session.accessToken)).toEqual({
      actor: { kind: "USER", id: user.id, name: EMAIL, role: "PROVISIONER", address: ADDRESS },
      expiresAt: session.accessTokenExpiresAt,
      issuedAt: new Date(session.accessTokenExpiresAt.getTime() - 900_000),
      keyId: expect.any(String),
      session: expect.any(String),
    });
    expect(await world.trail()).toEqual(["PLATFORM_USER_CREATED", "SIGNED_IN"]);
  });

  test("fails alike for an unknown account, a wrong password and a disabled user", async () => {
    await world.user(EMAIL);
    const refusals = [
      await enter("a wrong password").catch((error: unknown) => error),
      await enter(PASSWORD, "nobody@example.com").catch((error: unknown) => error),
      await enter(PASSWORD, "my typed password").catch((error: unknown) => error),
    ];
    await world.platform.sql("update platform.platform_user set disabled_at = now()");
    refusals.push(await enter().catch((error: unknown) => error));
    expect(new Set(refusals.map(String)).size).toBe(1);
    for (const refusal of refusals)
      expect(refusal).toMatchObject({ ...SIGN_IN_FAILED, detail: {} });
    expect((await world.trail()).slice(1)).toEqual([
      "SIGN_IN_FAILED WRONG_PASSWORD",
      "SIGN_IN_FAILED UNKNOWN_ACCOUNT",
      "SIGN_IN_FAILED UNKNOWN_ACCOUNT",
      "SIGN_IN_FAILED DISABLED",
    ]);
    const trail = JSON.stringify(await world.platform.sql("select * from platform.audit_event"));
    expect(trail).not.toContain("my typed password");
  });

  test("keeps neither password nor refresh token in the open", async () => {
    await world.user(EMAIL);
    const { refreshToken } = await enter();
    const rows = JSON.stringify([
      await world.platform.sql("select * from platform.platform_user"),
      await world.platform.sql("select * from platform.refresh_token"),
      await world.platform.sql("select * from platform.audit_event"),
    ]);
    expect(rows).not.toContain(PASSWORD);
    expect(rows).not.toContain(refreshToken);
  });

  test.each(["password_hash = 'changed'", "disabled_at = now()"])(
    "fails where %s while the password was verified",
    async (change) => {
      const { id } = await world.user(EMAIL);
      const attempt = await world.em.fork().transactional(async (em) => {
        await lockUser(em, id);
        const waiting = enter().catch((error: unknown) => error);
        await untilBlocked(world.platform.url);
        await em.execute(`update platform.platform_user set ${change}`);
        return { waiting };
      });
      expect(await attempt.waiting).toMatchObject(SIGN_IN_FAILED);
    },
  );
});

describe("a one-time password", () => {
  const create = () =>
    createPlatformUser(world, ACTOR, { email: EMAIL, name: "Ada", role: "SUPPORT" });

  test("lets in only to change it", async () => {
    const { oneTimePassword } = await create();
    await expect(enter(oneTimePassword ?? "")).rejects.toMatchObject({
      code: "E_PASSWORD_CHANGE_REQUIRED",
    });
    await expect(enter("a wrong password")).rejects.toMatchObject(SIGN_IN_FAILED);
    const session = await change(oneTimePassword ?? "", PASSWORD);
    expect((await who(session.accessToken)).actor.role).toBe("SUPPORT");
    await expect(enter(oneTimePassword ?? "")).rejects.toMatchObject(SIGN_IN_FAILED);
    await enter();
  });

  test("expires", async () => {
    const { oneTimePassword } = await create();
    world.pass(73 * 3600);
    await expect(enter(oneTimePassword ?? "")).rejects.toMatchObject(SIGN_IN_FAILED);
    await expect(change(oneTimePassword ?? "", PASSWORD)).rejects.toMatchObject(SIGN_IN_FAILED);
    expect(await world.trail()).toContain("SIGN_IN_FAILED ONE_TIME_PASSWORD_EXPIRED");
  });
});

describe("changing the password", () => {
  test("ends the other sessions", async () => {
    await world.user(EMAIL);
    const before = await enter();
    const after = await change(PASSWORD, "another quiet river");
    await expect(refresh(before.refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await refresh(after.refreshToken);
  });

  test("asks for another and a good one, and for the right old one", async () => {
    await world.user(EMAIL);
    await expect(change(PASSWORD, PASSWORD)).rejects.toMatchObject({ code: "E_WEAK_PASSWORD" });
    await expect(change(PASSWORD, "Password2024!")).rejects.toMatchObject({
      code: "E_WEAK_PASSWORD",
    });
    await expect(change("wrong", "another quiet river")).rejects.toMatchObject(SIGN_IN_FAILED);
    await enter();
  });

  test("lets no sign-in with the old one through at the same moment", async () => {
    await world.user(EMAIL);
    const [changed, ...entered] = await Promise.allSettled([
      change(PASSWORD, "another quiet river"),
      ...Array.from({ length: 6 }, () => enter()),
    ]);
    expect(changed.status).toBe("fulfilled");
    for (const result of entered) {
      if (result.status === "rejected") expect(result.reason).toMatchObject(SIGN_IN_FAILED);
      else await expect(refresh(result.value.refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    }
  });
});

describe("a refresh token", () => {
  test("is exchanged for the next", async () => {
    await world.user(EMAIL);
    const first = await enter();
    const second = await refresh(first.refreshToken);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    await who(second.accessToken);
    await refresh(second.refreshToken);
  });

  test("ends its family when it is used again", async () => {
    await world.user(EMAIL);
    const other = await enter();
    const first = await enter();
    const second = await refresh(first.refreshToken);
    await expect(refresh(first.refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await expect(refresh(second.refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await refresh(other.refreshToken);
    expect((await world.trail()).filter((line) => line === "REFRESH_TOKEN_REUSED")).toHaveLength(1);
  });

  test("used many times at once leaves no live token behind", async () => {
    await world.user(EMAIL);
    const { refreshToken } = await enter();
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => refresh(refreshToken)),
    );
    const sessions = results.flatMap((result) =>
      result.status === "fulfilled" ? [result.value] : [],
    );
    expect(sessions).toHaveLength(1);
    for (const session of sessions) {
      await expect(refresh(session.refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    }
    const live = "select from platform.refresh_token where revoked_at is null";
    expect(await world.platform.sql(live)).toEqual([]);
  });

  test("expires after 30 days, and is refused when it is unknown", async () => {
    await world.user(EMAIL);
    const { refreshToken } = await enter();
    world.pass(30 * 86_400 + 1);
    await expect(refresh(refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await expect(refresh("unknown")).rejects.toMatchObject(UNAUTHENTICATED);
  });

  test("is taken away with the next session after it has expired", async () => {
    await world.user(EMAIL);
    await world.user("bo@example.com");
    await enter();
    await enter(PASSWORD, "bo@example.com");
    world.pass(29 * 86_400);
    const { refreshToken } = await enter();
    world.pass(2 * 86_400);
    await refresh(refreshToken);
    const tokens = await world.platform.sql(
      "select used_at is not null as used from platform.refresh_token where user_id = (select id from platform.platform_user where email = $1) order by created_at",
      [EMAIL],
    );
    expect(tokens).toEqual([{ used: true }, { used: false }]);
    expect(await world.platform.sql("select from platform.refresh_token")).toHaveLength(3);
  });

  test("is of no use to a disabled user, nor after signing out", async () => {
    await world.user(EMAIL);
    const one = await enter();
    const other = await enter();
    await signOut(world, { refreshToken: one.refreshToken, address: ADDRESS });
    await expect(who(one.accessToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await who(other.accessToken);
    await signOut(world, { refreshToken: one.refreshToken, address: ADDRESS });
    await signOut(world, { refreshToken: "unknown", address: ADDRESS });
    await expect(refresh(one.refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await world.platform.sql("update platform.platform_user set disabled_at = now()");
    await expect(refresh(other.refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    expect((await world.trail()).filter((line) => line === "SIGNED_OUT")).toHaveLength(1);
  });
});

describe("authenticating", () => {
  test("follows the user's row: demoted, disabled, gone", async () => {
    await world.user(EMAIL, "ADMINISTRATOR");
    const { accessToken, user } = await enter();
    await world.platform.sql("update platform.platform_user set role = 'READONLY'");
    expect((await who(accessToken)).actor.role).toBe("READONLY");
    await world.platform.sql("update platform.platform_user set disabled_at = now()");
    await expect(who(accessToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await world.platform.sql("delete from platform.platform_user");
    await expect(who(accessToken)).rejects.toMatchObject(UNAUTHENTICATED);
    expect(await findUser(world.em.fork(), { id: user.id })).toBeNull();
  });

  test.each(["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer a.b.c", "a.b.c"])(
    "refuses the header %j",
    async (header) => {
      await expect(authenticate(world, header, ADDRESS)).rejects.toMatchObject(UNAUTHENTICATED);
    },
  );

  test("refuses a tenant's token, also one that speaks of a platform user", async () => {
    const user = await world.user(EMAIL, "ADMINISTRATOR");
    const claims = { role: "ADMINISTRATOR" };
    const { token } = await world.keys.sign({
      audience: "tenant:platform",
      subject: user.id,
      claims,
    });
    await expect(who(token)).rejects.toMatchObject(UNAUTHENTICATED);
  });
});
