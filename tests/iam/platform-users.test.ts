import { describe, expect, test } from "vitest";
import { authenticate } from "../../src/iam/authenticate.ts";
import { refreshSession } from "../../src/iam/sign-in/refresh-session.ts";
import { changePassword, signIn } from "../../src/iam/sign-in/sign-in.ts";
import { ensureFirstAdmin } from "../../src/iam/users/first-admin.ts";
import { seedSuperuser } from "../../src/iam/users/platform-users.ts";
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

describe("the first administrator", () => {
  test("is created once, also by processes that start at once", async () => {
    const orms = await Promise.all([1, 2, 3, 4].map(() => world.platform.another()));
    const created = await Promise.all(
      orms.map(({ em }, index) =>
        ensureFirstAdmin({ em, clock: world.clock }, { email: `admin${index}@example.com` }),
      ),
    );
    const admins = created.filter((admin) => admin !== null);
    expect(admins).toHaveLength(1);
    expect(await world.firstAdmin()).toBeNull();
    const [admin] = admins;
    const session = await change(admin?.oneTimePassword ?? "", PASSWORD, admin?.email);
    expect(session.user.role).toBe("ADMINISTRATOR");
  });

  test("takes a configured password, which need not be changed", async () => {
    const admin = await ensureFirstAdmin(world, { email: EMAIL, password: PASSWORD });
    expect(admin).toEqual({ email: EMAIL, oneTimePassword: null });
    await enter();
  });

  test("is not made of a weak password", async () => {
    const made = ensureFirstAdmin(world, { email: EMAIL, password: "password1234" });
    await expect(made).rejects.toMatchObject({ code: "E_WEAK_PASSWORD" });
    expect(await world.firstAdmin()).not.toBeNull();
  });
});

describe("platform users", () => {
  test("have an email of their own", async () => {
    await world.user(EMAIL);
    const taken = { code: "E_PLATFORM_USER_EXISTS" };
    await expect(world.user(" ADA@example.com")).rejects.toMatchObject(taken);
    await expect(world.user("no email")).rejects.toMatchObject({ code: "E_VALIDATION" });
    const made = await Promise.allSettled(
      Array.from({ length: 4 }, () => world.user("eve@example.com")),
    );
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("break-glass makes an administrator of a disabled user, with a new one-time password", async () => {
    const user = await world.user(EMAIL, "READONLY");
    const { refreshToken, accessToken } = await enter();
    await world.platform.sql("update platform.platform_user set disabled_at = now()");
    const seeded = await seedSuperuser(world, ACTOR, { email: "Ada@Example.com" });
    expect(seeded.user).toMatchObject({ id: user.id, role: "ADMINISTRATOR" });
    await expect(enter()).rejects.toMatchObject(SIGN_IN_FAILED);
    await expect(who(accessToken)).rejects.toMatchObject(UNAUTHENTICATED);
    await expect(refresh(refreshToken)).rejects.toMatchObject(UNAUTHENTICATED);
    const session = await change(seeded.oneTimePassword ?? "", "another quiet river");
    expect((await who(session.accessToken)).actor.role).toBe("ADMINISTRATOR");
    expect(await world.trail()).toContain("PLATFORM_USER_RESTORED");
  });

  test("break-glass creates the user where there is none", async () => {
    const seeded = await seedSuperuser(world, ACTOR, { email: EMAIL, password: PASSWORD });
    expect(seeded).toMatchObject({ oneTimePassword: null, user: { role: "ADMINISTRATOR" } });
    await enter();
  });
});
