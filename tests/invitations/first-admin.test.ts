import { describe, expect, test } from "vitest";
import { ownerEmailTaken } from "../../src/invitations/first-admin.ts";
import { OWNER, openTenants } from "../kit/invitations.ts";
import { perTest } from "../kit/lifetime.ts";

const world = perTest(openTenants);

const FAILED = { code: "E_SIGN_IN_FAILED" };

/** Everything that seeding a first administrator can leave behind. */
const traces = async () => ({
  identities: await world.platform.sql("select email from platform.identity"),
  memberships: await world.platform.sql("select id from platform.membership"),
  invitations: await world.platform.sql("select id from platform.invitation"),
  pending: await world.platform.sql("select id from platform.mail where state = 'PENDING'"),
});
const NOTHING = { identities: [], memberships: [], invitations: [], pending: [] };

describe("seeding the first administrator", () => {
  test("changes nothing when it is repeated", async () => {
    const acme = await world.tenant("acme");
    const first = await world.seed(acme);
    const before = await traces();
    expect(await world.seed(acme)).toEqual(first);
    expect(await traces()).toEqual(before);
    expect(first.credential).toBe("INVITATION");
  });

  test("refuses an email that has an identity already", async () => {
    await world.seed(await world.tenant("acme"));
    const beta = await world.tenant("beta");
    await expect(world.seed(beta, { email: "Owner@EXAMPLE.com" })).rejects.toMatchObject({
      code: "E_OWNER_EXISTS",
    });
    expect(await ownerEmailTaken(world.em.fork(), "Owner@EXAMPLE.com")).toBe(true);
    expect(await ownerEmailTaken(world.em.fork(), "other@example.com")).toBe(false);
  });

  test("gives an email to one of two tenants that are provisioned at once", async () => {
    const tenants = [
      await world.tenant("acme"),
      await world.tenant("beta"),
      await world.tenant("gamma"),
    ];
    const results = await Promise.allSettled(tenants.map((tenant) => world.seed(tenant)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected")
        expect(result.reason).toMatchObject({ code: "E_OWNER_EXISTS" });
    }
  });

  test("links an identity that has a password, tells it by mail and gives it no token", async () => {
    await world.accept(await world.invited(await world.tenant("acme")));
    const beta = await world.tenant("beta");
    const seeded = await world.seed(beta, {
      allowExistingUser: true,
      credential: "ONE_TIME_PASSWORD",
    });
    expect(seeded).toMatchObject({ credential: "EXISTING_PASSWORD", invitationId: null });
    expect(await world.seed(beta, { credential: "ONE_TIME_PASSWORD" })).toEqual(seeded);
    const mail = (await world.mails()).at(-1);
    expect(mail).toContain("Subject: You were added to Acme");
    expect(mail).toContain("https://beta.example.com");
    expect(mail).not.toContain("token");
    await world.signIn("beta");
    await expect(world.reveal(beta.id)).rejects.toMatchObject({ code: "E_PASSWORD_REVEALED" });
  });

  test("invites an identity that has no password of its own yet, and leaves its first way in", async () => {
    const acme = await world.tenant("acme");
    await world.seed(acme, { credential: "ONE_TIME_PASSWORD" });
    const beta = await world.tenant("beta");
    const seeded = await world.seed(beta, {
      allowExistingUser: true,
      credential: "ONE_TIME_PASSWORD",
    });
    expect(seeded.credential).toBe("INVITATION");
    const { oneTimePassword } = await world.reveal(acme.id);
    await world.changePassword("acme", oneTimePassword);
    await world.signIn("beta");
  });
});

describe("undoing it", () => {
  test.each(["INVITATION", "ONE_TIME_PASSWORD"] as const)(
    "leaves nothing of an %s",
    async (credential) => {
      const acme = await world.tenant("acme");
      await world.undo(acme);
      await world.seed(acme, { credential });
      await world.undo(acme);
      await world.undo(acme);
      expect(await traces()).toEqual(NOTHING);
      await world.seed(acme, { credential });
    },
  );

  test("keeps an identity that was there before, with its password", async () => {
    await world.accept(await world.invited(await world.tenant("acme")));
    const before = await traces();
    const beta = await world.tenant("beta");
    await world.seed(beta, { allowExistingUser: true });
    await world.undo(beta);
    expect(await traces()).toEqual(before);
    await world.signIn("acme");
    expect(await world.mails()).toHaveLength(1);
  });

  test("keeps an identity that another tenant has linked meanwhile", async () => {
    const acme = await world.tenant("acme");
    await world.seed(acme);
    const beta = await world.tenant("beta");
    const token = await world.invited(beta, { allowExistingUser: true });
    await world.undo(acme);
    await world.accept(token);
    await world.signIn("beta");
    await expect(world.signIn("acme")).rejects.toMatchObject(FAILED);
  });

  test("keeps an identity that has signed in, and takes its membership", async () => {
    const acme = await world.tenant("acme");
    await world.accept(await world.invited(acme));
    await world.undo(acme);
    expect(await traces()).toMatchObject({ identities: [{ email: OWNER }], memberships: [] });
  });
});
