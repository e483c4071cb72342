import { describe, expect, test } from "vitest";
import { authenticate } from "../../src/iam/authenticate.ts";
import { signIn } from "../../src/iam/sign-in/sign-in.ts";
import { lockIdentity } from "../../src/invitations/identities.ts";
import { newId } from "../../src/kernel/ids.ts";
import { untilBlocked } from "../kit/database.ts";
import { ADDRESS, PASSWORD } from "../kit/iam.ts";
import { OWNER, openTenants, STARTER } from "../kit/invitations.ts";
import { perTest } from "../kit/lifetime.ts";

const world = perTest(openTenants);

const FAILED = { code: "E_SIGN_IN_FAILED" };

test("a user whose address has letters beyond ASCII gets in, however it is typed", async () => {
  const acme = await world.tenant("acme");
  await world.accept(await world.invited(acme, { email: "Jörg@Bücher.example" }));
  for (const email of ["jo\u0308rg@BÜCHER.example", "JÖRG@xn--bcher-kva.example"]) {
    const { identity } = await world.signIn("acme", PASSWORD, email);
    expect(identity.email).toBe("jörg@xn--bcher-kva.example");
  }
});

describe("a one-time password", () => {
  const seeded = async () => {
    const acme = await world.tenant("acme");
    await world.seed(acme, { credential: "ONE_TIME_PASSWORD" });
    return acme;
  };

  test("is revealed once, to the one who started the operation, and lets in only to change it", async () => {
    const acme = await seeded();
    expect(await world.mails()).toEqual([]);
    const stranger = { ...STARTER, id: newId() };
    await expect(world.reveal(acme.id, stranger)).rejects.toMatchObject({ code: "E_FORBIDDEN" });
    const { email, oneTimePassword } = await world.reveal(acme.id);
    expect(email).toBe(OWNER);
    await expect(world.reveal(acme.id)).rejects.toMatchObject({ code: "E_PASSWORD_REVEALED" });
    await expect(world.signIn("acme", oneTimePassword)).rejects.toMatchObject({
      code: "E_PASSWORD_CHANGE_REQUIRED",
    });
    expect((await world.changePassword("acme", oneTimePassword)).role).toBe("OWNER");
    await world.signIn("acme");
    await expect(world.signIn("acme", oneTimePassword)).rejects.toMatchObject(FAILED);
    expect(await world.trail()).toEqual([
      ...["MEMBERSHIP_ADDED", "ONE_TIME_PASSWORD_SET", "ONE_TIME_PASSWORD_REVEALED"],
      ...["SIGN_IN_FAILED PASSWORD_CHANGE_REQUIRED", "PASSWORD_CHANGED", "SIGNED_IN"],
      "SIGN_IN_FAILED WRONG_PASSWORD",
    ]);
  });

  test("is revealed to one of many at the same moment", async () => {
    const acme = await seeded();
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => world.reveal(acme.id)),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected")
        expect(result.reason).toMatchObject({ code: "E_PASSWORD_REVEALED" });
    }
  });

  test("expires after 72 hours", async () => {
    const acme = await seeded();
    const { oneTimePassword, expiresAt } = await world.reveal(acme.id);
    expect(Math.abs(expiresAt.getTime() - Date.now() - 72 * 3_600_000)).toBeLessThan(10_000);
    world.pass(72 * 3600 + 1);
    await expect(world.signIn("acme", oneTimePassword)).rejects.toMatchObject(FAILED);
    await expect(world.changePassword("acme", oneTimePassword)).rejects.toMatchObject(FAILED);
    await expect(world.reveal(acme.id)).rejects.toMatchObject({ code: "E_PASSWORD_REVEALED" });
  });

  test("is not revealed after it was changed, nor for an operation that made none", async () => {
    const acme = await seeded();
    const [row] = await world.platform.sql("select id from platform.invitation");
    await world.changePassword("acme", world.credentials.oneTimePassword(String(row?.id)));
    await expect(world.reveal(acme.id)).rejects.toMatchObject({ code: "E_PASSWORD_REVEALED" });
    await expect(world.reveal(newId())).rejects.toMatchObject({ code: "E_PASSWORD_REVEALED" });
  });
});

describe("signing in to a tenant", () => {
  test("fails alike for tenant, account, membership and password", async () => {
    await world.accept(await world.invited(await world.tenant("acme")));
    await world.tenant("beta");
    const refusals = await Promise.all(
      [
        world.signIn("nowhere"),
        world.signIn("acme", PASSWORD, "nobody@example.com"),
        world.signIn("beta"),
        world.signIn("acme", "a wrong password"),
      ].map((attempt) => attempt.catch((error: unknown) => error)),
    );
    expect(new Set(refusals.map(String)).size).toBe(1);
    for (const refusal of refusals) expect(refusal).toMatchObject({ ...FAILED, detail: {} });
    expect(
      (await world.trail()).filter((line) => line.startsWith("SIGN_IN_FAILED")).sort(),
    ).toEqual([
      "SIGN_IN_FAILED NO_MEMBERSHIP",
      "SIGN_IN_FAILED UNKNOWN_ACCOUNT",
      "SIGN_IN_FAILED UNKNOWN_TENANT",
      "SIGN_IN_FAILED WRONG_PASSWORD",
    ]);
  });

  test("fails where the password changed while it was verified", async () => {
    const { identity } = await world.accept(await world.invited(await world.tenant("acme")));
    const attempt = await world.em.fork().transactional(async (em) => {
      await lockIdentity(em, identity.id);
      const waiting = world.signIn("acme").catch((error: unknown) => error);
      await untilBlocked(world.platform.url);
      await em.execute("update platform.identity set password_hash = 'changed'");
      return { waiting };
    });
    expect(await attempt.waiting).toMatchObject(FAILED);
  });

  test("says that a tenant is not active only to those who have the right password", async () => {
    await world.accept(await world.invited(await world.tenant("acme")));
    await world.platform.sql("update platform.tenant set status = 'SUSPENDED'");
    await expect(world.signIn("acme")).rejects.toThrow("Tenant 'acme' is not active");
    await expect(world.signIn("acme", "a wrong password")).rejects.toMatchObject(FAILED);
    await world.platform.sql("update platform.tenant set status = 'PURGED'");
    await expect(world.signIn("acme")).rejects.toMatchObject(FAILED);
  });

  test("gives a token that neither the platform nor another tenant accepts, nor the reverse", async () => {
    const session = await world.accept(await world.invited(await world.tenant("acme")));
    const refused = { code: "E_UNAUTHENTICATED" };
    const header = `Bearer ${session.accessToken}`;
    await expect(authenticate(world, header, ADDRESS)).rejects.toMatchObject(refused);
    await expect(world.keys.verify(session.accessToken, "tenant:beta")).rejects.toMatchObject(
      refused,
    );
    await world.user(OWNER);
    const platform = await signIn(world, { email: OWNER, password: PASSWORD, address: ADDRESS });
    await expect(world.keys.verify(platform.accessToken, "tenant:acme")).rejects.toMatchObject(
      refused,
    );
  });

  test("asks for a good new password and the right old one when it is changed", async () => {
    await world.accept(await world.invited(await world.tenant("acme")));
    const weak = { code: "E_WEAK_PASSWORD" };
    await expect(world.changePassword("acme", PASSWORD, PASSWORD)).rejects.toMatchObject(weak);
    await expect(world.changePassword("acme", PASSWORD, "short")).rejects.toMatchObject(weak);
    await expect(
      world.changePassword("acme", "wrong", "another quiet river"),
    ).rejects.toMatchObject(FAILED);
    await world.changePassword("acme", PASSWORD, "another quiet river");
    await world.signIn("acme", "another quiet river");
  });
});
