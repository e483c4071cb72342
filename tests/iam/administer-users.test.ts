import { describe, expect, test } from "vitest";
import type { Actor } from "../../src/iam/actor.ts";
import { authenticate } from "../../src/iam/authenticate.ts";
import { refreshSession } from "../../src/iam/sign-in/refresh-session.ts";
import { changePassword, signIn } from "../../src/iam/sign-in/sign-in.ts";
import {
  disablePlatformUser,
  enablePlatformUser,
  resetPlatformUserPassword,
  setPlatformUserRole,
  signOutPlatformUser,
} from "../../src/iam/users/administer-users.ts";
import { createPlatformUser } from "../../src/iam/users/platform-users.ts";
import type { UserView } from "../../src/iam/users/user-view.ts";
import { ACTOR, ADDRESS, openIam, PASSWORD } from "../kit/iam.ts";
import { perTest } from "../kit/lifetime.ts";

const world = perTest(openIam);

const EMAIL = "ada@example.com";
const key = { email: EMAIL };
const enter = (password = PASSWORD, email = EMAIL) =>
  signIn(world, { email, password, address: ADDRESS });
const change = (currentPassword: string, newPassword: string) =>
  changePassword(world, { email: EMAIL, currentPassword, newPassword, address: ADDRESS });
const refresh = (refreshToken: string) => refreshSession(world, { refreshToken, address: ADDRESS });
const who = (token: string) => authenticate(world, `Bearer ${token}`, ADDRESS);
const as = ({ id, email, role }: UserView): Actor => ({
  kind: "USER",
  id,
  name: email,
  role,
  address: ADDRESS,
});
const UNAUTHENTICATED = { code: "E_UNAUTHENTICATED" };
const LAST = { code: "E_LAST_ADMINISTRATOR" };
const OWN = { code: "E_OWN_ACCOUNT" };

describe("the sessions of a platform user", () => {
  test("end with access and refresh tokens when it is signed out, and it may come again at once", async () => {
    await world.user(EMAIL);
    const sessions = [await enter(), await enter()];
    for (let time = 0; time < 3; time++) {
      await signOutPlatformUser(world, ACTOR, { email: " Ada@example.com" });
      for (const { accessToken, refreshToken } of sessions) {
        await expect(who(accessToken)).rejects.toMatchObject(UNAUTHENTICATED);
        await expect(refresh(refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
      }
      const session = await enter();
      await who(session.accessToken);
      await who((await refresh(session.refreshToken)).accessToken);
      sessions.push(session);
    }
    expect(
      (await world.trail()).filter((line) => line === "PLATFORM_USER_SIGNED_OUT"),
    ).toHaveLength(3);
  });

  test("end when its password is changed, but for the new one", async () => {
    await world.user(EMAIL);
    const before = await enter();
    const after = await change(PASSWORD, "another quiet river");
    await expect(who(before.accessToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await who(after.accessToken);
  });

  test("end when it is disabled, and stay so when it is enabled", async () => {
    const user = await world.user(EMAIL);
    const { accessToken, refreshToken } = await enter();
    const disabled = await disablePlatformUser(world, ACTOR, user);
    expect(disabled.disabledAt).toEqual(expect.any(Date));
    expect(await disablePlatformUser(world, ACTOR, key)).toEqual(disabled);
    await expect(enter()).rejects.toMatchObject({ code: "E_SIGN_IN_FAILED" });
    expect((await enablePlatformUser(world, ACTOR, key)).disabledAt).toBeNull();
    await enablePlatformUser(world, ACTOR, key);
    await expect(who(accessToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await expect(refresh(refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await enter();
    expect((await world.trail()).filter((line) => /ABLED$/.test(line))).toEqual([
      ...["PLATFORM_USER_DISABLED", "SIGN_IN_FAILED DISABLED", "PLATFORM_USER_ENABLED"],
    ]);
  });

  test("go on with the new role when it is changed", async () => {
    await world.user(EMAIL, "PROVISIONER");
    const { accessToken, refreshToken } = await enter();
    expect((await setPlatformUserRole(world, ACTOR, key, "SUPPORT")).role).toBe("SUPPORT");
    await setPlatformUserRole(world, ACTOR, key, "SUPPORT");
    expect((await who(accessToken)).actor.role).toBe("SUPPORT");
    expect((await refresh(refreshToken)).user.role).toBe("SUPPORT");
    const facts = await world.platform.sql(
      "select detail from platform.audit_event where type = 'PLATFORM_USER_ROLE_SET'",
    );
    expect(facts).toMatchObject([{ detail: { email: EMAIL, from: "PROVISIONER", to: "SUPPORT" } }]);
  });
});

describe("a password that is reset", () => {
  test("is a one-time password, which ends the sessions and the waits", async () => {
    await world.user(EMAIL);
    const { accessToken, refreshToken } = await enter();
    for (let time = 0; time < 6; time++) await enter("a wrong password").catch(() => undefined);
    await expect(enter()).rejects.toMatchObject({ code: "E_RATE_LIMITED" });
    const { user, oneTimePassword } = await resetPlatformUserPassword(world, ACTOR, key);
    expect(user).toMatchObject({ mustChangePassword: true, email: EMAIL });
    await expect(who(accessToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await expect(refresh(refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await expect(enter()).rejects.toMatchObject({ code: "E_SIGN_IN_FAILED" });
    await expect(enter(oneTimePassword)).rejects.toMatchObject({
      code: "E_PASSWORD_CHANGE_REQUIRED",
    });
    await who((await change(oneTimePassword, "another quiet river")).accessToken);
    expect(await world.trail()).toContain("PLATFORM_USER_PASSWORD_RESET");
    const kept = JSON.stringify([
      await world.platform.sql("select * from platform.audit_event"),
      await world.platform.sql("select * from platform.platform_user"),
    ]);
    expect(kept).not.toContain(oneTimePassword);
  });
});

describe("administrators", () => {
  test("take nothing away from themselves, but may sign themselves out", async () => {
    const ada = await world.user(EMAIL, "ADMINISTRATOR");
    await world.user("eve@example.com", "ADMINISTRATOR");
    await expect(disablePlatformUser(world, as(ada), key)).rejects.toMatchObject(OWN);
    await expect(setPlatformUserRole(world, as(ada), key, "SUPPORT")).rejects.toMatchObject(OWN);
    await expect(resetPlatformUserPassword(world, as(ada), key)).rejects.toMatchObject(OWN);
    const { accessToken } = await enter();
    await signOutPlatformUser(world, as(ada), ada);
    await expect(who(accessToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await enter();
  });

  test("never lose the last one who can sign in, whoever acts", async () => {
    await world.user(EMAIL, "ADMINISTRATOR");
    const other = { email: "eve@example.com" };
    const refused = async () => {
      await expect(disablePlatformUser(world, ACTOR, key)).rejects.toMatchObject(LAST);
      await expect(setPlatformUserRole(world, ACTOR, key, "BILLING")).rejects.toMatchObject(LAST);
    };
    await refused();
    await world.user(other.email, "ADMINISTRATOR");
    await disablePlatformUser(world, ACTOR, other);
    await setPlatformUserRole(world, ACTOR, other, "READONLY");
    await setPlatformUserRole(world, ACTOR, other, "ADMINISTRATOR");
    await refused();
    await enablePlatformUser(world, ACTOR, other);
    await resetPlatformUserPassword(world, ACTOR, other);
    world.pass(73 * 3600);
    await refused();
    await resetPlatformUserPassword(world, ACTOR, other);
    await disablePlatformUser(world, ACTOR, key);
  });

  test("who remove one another at the same moment leave one", async () => {
    for (const remove of [
      (actor: Actor, user: UserView) => disablePlatformUser(world, actor, user),
      (actor: Actor, user: UserView) => setPlatformUserRole(world, actor, user, "SUPPORT"),
    ]) {
      await world.platform.sql("delete from platform.platform_user");
      const admins = await Promise.all(
        [1, 2, 3, 4].map((at) => world.user(`admin${at}@example.com`, "ADMINISTRATOR")),
      );
      const next = (at: number) => admins[(at + 1) % admins.length] as UserView;
      const results = await Promise.allSettled(
        admins.map((admin, at) => remove(as(next(at)), admin)),
      );
      const refusals = results.filter((result) => result.status === "rejected");
      expect(refusals.map(({ reason }) => reason)).toEqual([expect.objectContaining(LAST)]);
      expect(
        await world.platform.sql(
          "select from platform.platform_user where role = 'ADMINISTRATOR' and disabled_at is null",
        ),
      ).toHaveLength(1);
    }
  });
});

test("nobody is administered whom there is not", async () => {
  const missing = { code: "E_PLATFORM_USER_NOT_FOUND" };
  for (const nobody of [
    key,
    { email: "\u0000" },
    { id: "nonsense" },
    { id: crypto.randomUUID() },
  ]) {
    await expect(enablePlatformUser(world, ACTOR, nobody)).rejects.toMatchObject(missing);
    await expect(signOutPlatformUser(world, ACTOR, nobody)).rejects.toMatchObject(missing);
    await expect(resetPlatformUserPassword(world, ACTOR, nobody)).rejects.toMatchObject(missing);
  }
});

test("a new user is told every fault at once", async () => {
  const faulty = { email: "no email", name: "a\u0007b", role: "KING" as never };
  const refusal = await createPlatformUser(world, ACTOR, faulty).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: "E_VALIDATION" });
  expect((refusal as { issues: { path: string[] }[] }).issues.map(({ path }) => path)).toEqual([
    ...[["email"], ["name"], ["role"]],
  ]);
});
