import { describe, expect, test } from "vitest";
import { acceptInvitation } from "../../src/invitations/accept-invitation.ts";
import { openInvitationCredentials } from "../../src/invitations/credentials.ts";
import { newId } from "../../src/kernel/ids.ts";
import { ADDRESS, PASSWORD } from "../kit/iam.ts";
import { OWNER, openTenants } from "../kit/invitations.ts";
import { perTest } from "../kit/lifetime.ts";

const world = perTest(openTenants);

const INVALID = { code: "E_INVITATION_INVALID" };

describe("an invitation", () => {
  test("leads from the mail to a session of the tenant", async () => {
    const acme = await world.tenant("acme");
    const token = await world.invited(acme);
    const [mail] = await world.mails();
    expect(mail).toContain(`https://acme.example.com/accept-invitation?token=${token}`);
    const session = await world.accept(token);
    expect(session).toMatchObject({
      tenantSlug: "acme",
      role: "OWNER",
      identity: { email: OWNER, name: "Olive Owner" },
    });
    await world.keys.verify(session.accessToken, "tenant:acme");
    expect((await world.signIn("acme", PASSWORD, "OWNER@example.com")).role).toBe("OWNER");
    expect(await world.trail()).toEqual([
      ...["MEMBERSHIP_ADDED", "INVITATION_SENT", "INVITATION_ACCEPTED", "SIGNED_IN"],
    ]);
  });

  test("is accepted once, also by many of two processes at the same moment", async () => {
    const token = await world.invited(await world.tenant("acme"));
    const { em } = await world.platform.another();
    const results = await Promise.allSettled(
      // One more is limited.
      Array.from({ length: 5 }, (_none, index) => {
        const ports = index % 2 === 0 ? world : { ...world, em };
        const newPassword = `a quiet river ${index}`;
        return acceptInvitation(ports, { token, newPassword, address: ADDRESS });
      }),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject(INVALID);
    }
    const winner = results.findIndex(({ status }) => status === "fulfilled");
    await world.signIn("acme", `a quiet river ${winner}`);
  });

  test("is refused alike when it is unknown, forged, used, revoked or expired", async () => {
    const acme = await world.tenant("acme");
    const token = await world.invited(acme);
    const refusal = (text: string) => world.accept(text).catch((error: unknown) => String(error));
    const forged = `${token.slice(0, -4)}AAAA`;
    const texts = [await refusal(""), await refusal("x.y"), await refusal(forged)];
    world.pass(7 * 86_400 + 1);
    texts.push(await refusal(token));
    world.pass(-7 * 86_400);
    await world.platform.sql("update platform.invitation set revoked_at = now()");
    texts.push(await refusal(token));
    await world.platform.sql("update platform.invitation set revoked_at = null");
    await world.accept(token);
    texts.push(await refusal(token));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain("not valid");
  });

  test("is not used up by a weak password or a tenant that is not active", async () => {
    const acme = await world.tenant("acme", "SUSPENDED");
    const token = await world.invited(acme);
    await expect(world.accept(token)).rejects.toThrow("Tenant 'acme' is not active");
    await world.platform.sql("update platform.tenant set status = 'ACTIVE'");
    await expect(world.accept(token, "short")).rejects.toMatchObject({ code: "E_WEAK_PASSWORD" });
    await world.accept(token);
  });

  test("is not mailed once it is revoked", async () => {
    await world.seed(await world.tenant("acme"));
    await world.platform.sql("update platform.invitation set revoked_at = now()");
    expect(await world.mails()).toEqual([]);
    expect(await world.platform.sql("select state from platform.mail")).toEqual([
      { state: "REVOKED" },
    ]);
  });

  test("stores its token nowhere", async () => {
    const acme = await world.tenant("acme");
    const token = await world.invited(acme);
    await world.accept(token);
    const mac = token.split(".")[1] ?? token;
    for (const table of ["invitation", "identity", "mail", "audit_event", "membership"]) {
      expect(
        JSON.stringify(await world.platform.sql(`select * from platform.${table}`)),
      ).not.toContain(mac);
    }
  });

  test("has a token that every process derives alike, and nobody without the key", async () => {
    const { em } = await world.platform.another();
    const { secrets, clock } = world;
    const other = await openInvitationCredentials({ em, secrets, clock });
    const id = newId();
    expect(other.token(id)).toBe(world.credentials.token(id));
    expect(other.oneTimePassword(id)).toBe(world.credentials.oneTimePassword(id));
    expect(world.credentials.oneTimePassword(id)).toMatch(/^[a-km-np-z2-9]{20}$/);
    expect(world.credentials.token(newId())).not.toBe(world.credentials.token(id));
  });
});
