import { describe, expect, test } from "vitest";
import { inviteTenantAdmin } from "../../src/invitations/invite-tenant-admin.ts";
import {
  removeMembership,
  resendInvitation,
  revokeInvitation,
} from "../../src/invitations/manage.ts";
import { pageOfInvitations, pageOfMembers } from "../../src/invitations/people.ts";
import { newId } from "../../src/kernel/ids.ts";
import { PASSWORD } from "../kit/iam.ts";
import { OWNER, openTenants, STARTER } from "../kit/invitations.ts";
import { perTest } from "../kit/lifetime.ts";

const world = perTest(openTenants);

const INVALID = { code: "E_INVITATION_INVALID" };
const CLOSED = { code: "E_INVITATION_CLOSED" };
const DAY = 86_400;

const ports = () => world.managing();
const resend = (id: string) => resendInvitation(ports(), STARTER, id);
const revoke = (id: string) => revokeInvitation(ports(), STARTER, id);
const inviteAdmin = (more: Record<string, unknown> = {}) =>
  inviteTenantAdmin(ports(), STARTER, {
    slug: "acme",
    email: "bo@example.com",
    name: "Bo",
    role: "ADMIN",
    allowExistingUser: false,
    ...more,
  });

const invitations = async (tenant: { id: string }) =>
  (await pageOfInvitations(world.people(), tenant.id, {})).rows;
const members = async (tenant: { id: string }) =>
  (await pageOfMembers(world.people(), tenant.id, {})).rows;
const stateOf = async (tenant: { id: string }) => (await invitations(tenant))[0]?.state;

/** The token in the newest mail. */
async function newestToken(): Promise<string> {
  const mail = (await world.mails()).at(-1) ?? "";
  return /accept-invitation\?token=([\w.-]+)/.exec(mail)?.[1] ?? "no token";
}

async function invited() {
  const acme = await world.tenant("acme");
  const token = await world.invited(acme);
  return { acme, token, id: token.split(".")[0] ?? "" };
}

describe("sending an invitation again", () => {
  test("makes a new link, and the one before stops working", async () => {
    const { acme, token, id } = await invited();
    world.pass(61);
    await resend(id);
    const [listed] = await invitations(acme);
    expect(listed).toMatchObject({ state: "PENDING", id, timesSent: 2 });
    expect(listed?.mail).toMatchObject({ state: "PENDING" });
    const next = await newestToken();
    expect(next).not.toBe(token);
    await expect(world.accept(token)).rejects.toMatchObject(INVALID);
    await world.accept(next);
    expect(await stateOf(acme)).toBe("ACCEPTED");
    await expect(resend(id)).rejects.toMatchObject(CLOSED);
    expect(await world.trail()).toContain("INVITATION_RESENT");
  });

  test("replaces a mail that has not left", async () => {
    const acme = await world.tenant("acme");
    const { invitationId } = await world.seed(acme);
    world.pass(61);
    await resend(invitationId ?? "");
    expect(await world.mails()).toHaveLength(1);
    await world.accept(await newestToken());
  });

  test("brings an expired one back", async () => {
    const { acme, token, id } = await invited();
    world.pass(7 * DAY + 1);
    expect(await stateOf(acme)).toBe("EXPIRED");
    await resend(id);
    expect(await stateOf(acme)).toBe("PENDING");
    await expect(world.accept(token)).rejects.toMatchObject(INVALID);
    await world.accept(await newestToken());
  });

  test("has to wait twice as long each time", async () => {
    const { id } = await invited();
    for (const seconds of [60, 120, 240]) {
      await expect(resend(id)).rejects.toMatchObject({ code: "E_RATE_LIMITED" });
      world.pass(seconds - 5);
      await expect(resend(id)).rejects.toMatchObject({ code: "E_RATE_LIMITED" });
      world.pass(5);
      await resend(id);
    }
  });

  test("is done once by several at the same moment", async () => {
    const { acme, id } = await invited();
    world.pass(61);
    const results = await Promise.allSettled([resend(id), resend(id), resend(id)]);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await invitations(acme)).toMatchObject([{ timesSent: 2 }]);
    expect(await world.mails()).toHaveLength(2);
  });

  test("takes the place of a one-time password, which stops working", async () => {
    const acme = await world.tenant("acme");
    const { invitationId } = await world.seed(acme, { credential: "ONE_TIME_PASSWORD" });
    const { oneTimePassword } = await world.reveal(acme.id);
    await resend(invitationId ?? "");
    await expect(world.changePassword("acme", oneTimePassword)).rejects.toMatchObject({
      code: "E_SIGN_IN_FAILED",
    });
    await world.accept(await newestToken());
    await world.signIn("acme");
  });

  test("and accepting it at the same moment leave one of the two links accepted", async () => {
    const { acme, token, id } = await invited();
    world.pass(61);
    const [accepted, resent] = await Promise.allSettled([world.accept(token), resend(id)]);
    expect([accepted.status, resent.status].sort()).toEqual(["fulfilled", "rejected"]);
    expect(await stateOf(acme)).toBe(accepted.status === "fulfilled" ? "ACCEPTED" : "PENDING");
  });

  test("is refused for a tenant that is not active, and for one that is not there", async () => {
    const { id } = await invited();
    await world.platform.sql("update platform.tenant set status = 'SUSPENDED'");
    await expect(resend(id)).rejects.toMatchObject({ code: "E_TENANT_NOT_ACTIVE" });
    for (const unknown of [newId(), "nonsense", "'"]) {
      await expect(resend(unknown)).rejects.toMatchObject({ code: "E_INVITATION_NOT_FOUND" });
    }
  });
});

describe("revoking an invitation", () => {
  test("stops its link and its unsent mail, and the person is no member", async () => {
    const { acme, token, id } = await invited();
    world.pass(61);
    await resend(id);
    await revoke(id);
    await revoke(id);
    expect(await world.mails()).toHaveLength(1);
    await expect(world.accept(token)).rejects.toMatchObject(INVALID);
    expect(await stateOf(acme)).toBe("REVOKED");
    expect(await members(acme)).toEqual([]);
    await expect(resend(id)).rejects.toMatchObject(CLOSED);
    expect((await world.trail()).filter((fact) => fact === "INVITATION_REVOKED")).toHaveLength(1);
  });

  test("opens no back door by another tenant of the same person", async () => {
    const { id } = await invited();
    const beta = await world.tenant("beta");
    const token = await world.invited(beta, { allowExistingUser: true });
    await revoke(id);
    await world.accept(token);
    await world.signIn("beta");
    await expect(world.signIn("acme")).rejects.toMatchObject({ code: "E_SIGN_IN_FAILED" });
  });

  test("of a one-time password takes the password away", async () => {
    const acme = await world.tenant("acme");
    const { invitationId } = await world.seed(acme, { credential: "ONE_TIME_PASSWORD" });
    const beta = await world.tenant("beta");
    await world.seed(beta, { allowExistingUser: true });
    const { oneTimePassword } = await world.reveal(acme.id);
    await revoke(invitationId ?? "");
    await expect(world.changePassword("beta", oneTimePassword)).rejects.toMatchObject({
      code: "E_SIGN_IN_FAILED",
    });
  });

  test("is refused for one that was accepted", async () => {
    const { token, id } = await invited();
    await world.accept(token);
    await expect(revoke(id)).rejects.toMatchObject(CLOSED);
    await world.signIn("acme");
  });
});

describe("inviting a further admin", () => {
  test("makes them a member who gets in by mail, and can be taken out again", async () => {
    const acme = await world.tenant("acme");
    await inviteAdmin({ email: "Bo@Example.com" });
    expect(await members(acme)).toMatchObject([
      { role: "ADMIN", identity: { email: "bo@example.com", name: "Bo" } },
    ]);
    const token = await newestToken();
    expect(await world.accept(token)).toMatchObject({ role: "ADMIN", tenantSlug: "acme" });
    await expect(inviteAdmin()).rejects.toMatchObject({ code: "E_MEMBER_EXISTS" });
    const [member] = await members(acme);
    await removeMembership(ports(), STARTER, member?.id ?? "");
    await expect(world.signIn("acme", PASSWORD, "bo@example.com")).rejects.toMatchObject({
      code: "E_SIGN_IN_FAILED",
    });
    await expect(removeMembership(ports(), STARTER, member?.id ?? "")).rejects.toMatchObject({
      code: "E_MEMBERSHIP_NOT_FOUND",
    });
    expect((await world.trail()).filter((fact) => fact.startsWith("MEMBERSHIP"))).toEqual([
      ...["MEMBERSHIP_ADDED", "MEMBERSHIP_REMOVED"],
    ]);
  });

  test("links somebody whom another tenant knows only when that is allowed, and keeps their password", async () => {
    await world.accept(await world.invited(await world.tenant("beta")));
    const acme = await world.tenant("acme");
    await expect(inviteAdmin({ email: OWNER })).rejects.toMatchObject({ code: "E_OWNER_EXISTS" });
    await inviteAdmin({ email: OWNER, allowExistingUser: true });
    expect(await invitations(acme)).toEqual([]);
    expect((await world.mails()).at(-1)).toContain("Subject: You were added to Acme");
    expect((await world.signIn("acme")).role).toBe("ADMIN");
  });

  test("works anew after the invitation was revoked, and once for many at the same moment", async () => {
    const acme = await world.tenant("acme");
    await inviteAdmin();
    await revoke((await invitations(acme))[0]?.id ?? "");
    const results = await Promise.allSettled([inviteAdmin(), inviteAdmin(), inviteAdmin()]);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await world.accept(await newestToken());
    expect((await invitations(acme)).map(({ state }) => state)).toEqual(["ACCEPTED", "REVOKED"]);
  });

  test("refuses bad input, and tenants that are not active", async () => {
    await world.tenant("acme", "SUSPENDED");
    await expect(inviteAdmin({ email: "nobody" })).rejects.toMatchObject({ code: "E_VALIDATION" });
    await expect(inviteAdmin({ name: "a\nb" })).rejects.toMatchObject({ code: "E_VALIDATION" });
    await expect(inviteAdmin()).rejects.toMatchObject({ code: "E_TENANT_NOT_ACTIVE" });
    await expect(inviteAdmin({ slug: "none" })).rejects.toMatchObject({
      code: "E_TENANT_NOT_FOUND",
    });
  });
});

describe("a person with two open invitations", () => {
  const both = async () => {
    const { token } = await invited();
    const beta = await world.tenant("beta");
    return [token, await world.invited(beta, { allowExistingUser: true })] as const;
  };

  test("keeps the password of the first, and accepts the second with it", async () => {
    const [first, second] = await both();
    await world.accept(first);
    await expect(world.accept(second, "another long password")).rejects.toMatchObject({
      code: "E_SIGN_IN_FAILED",
    });
    expect((await world.accept(second)).tenantSlug).toBe("beta");
    await world.signIn("acme");
    await world.signIn("beta");
  });

  test("gets into the tenant of the token and no other", async () => {
    const [first, second] = await both();
    const [id] = first.split(".");
    const mixed = `${id}.${second.split(".")[1]}`;
    await expect(world.accept(mixed)).rejects.toMatchObject(INVALID);
    expect((await world.accept(first)).tenantSlug).toBe("acme");
  });

  test("has one password when both are accepted at the same moment", async () => {
    const [first, second] = await both();
    const passwords = ["a first long password", "a second long password"];
    const results = await Promise.allSettled([
      world.accept(first, passwords[0]),
      world.accept(second, passwords[1]),
    ]);
    const winner = results.findIndex(({ status }) => status === "fulfilled");
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await world.signIn("acme", passwords[winner]);
  });
});
