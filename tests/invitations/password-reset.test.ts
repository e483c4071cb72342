import { describe, expect, test } from "vitest";
import { removeMembership } from "../../src/invitations/manage.ts";
import { requestPasswordReset, resetTenantPassword } from "../../src/invitations/password-reset.ts";
import { pageOfMembers } from "../../src/invitations/people.ts";
import { removePeople } from "../../src/invitations/remove-people.ts";
import { newId } from "../../src/kernel/ids.ts";
import { ADDRESS, PASSWORD } from "../kit/iam.ts";
import { OWNER, openTenants, STARTER } from "../kit/invitations.ts";
import { perTest, stopDate } from "../kit/lifetime.ts";

perTest(stopDate);
const world = perTest(openTenants);

const NEW = "another quiet river";
const HOUR = 3600;
const INVALID = { code: "E_PASSWORD_RESET_INVALID" };
const FAILED = { code: "E_SIGN_IN_FAILED" };

/** A tenant with an owner who has a password. */
async function inUse(slug = "acme") {
  const tenant = await world.tenant(slug);
  await world.accept(await world.invited(tenant));
  return tenant;
}

const requests = () =>
  world.platform.sql(
    `select detail->>'email' as email, detail->>'refusal' as refusal, tenant_slug, actor_kind
     from platform.audit_event where type = 'PASSWORD_RESET_REQUESTED' order by sequence`,
  );

describe("a forgotten password", () => {
  test("can be asked for where the person signs in, however often strangers have asked", async () => {
    await inUse();
    await world.signIn("acme");
    const from = (address: string) =>
      requestPasswordReset(world.managing(), { slug: "acme", email: OWNER, address });
    const limited = { code: "E_RATE_LIMITED", retryAfterSeconds: 2 };
    for (let time = 0; time < 6; time++) await from(`203.0.113.${time}`);
    await expect(from("203.0.113.9")).rejects.toMatchObject(limited);
    for (let time = 0; time < 6; time++) await world.requestReset("acme");
    await expect(world.requestReset("acme")).rejects.toMatchObject(limited);
    expect(await requests()).toHaveLength(12);
  });

  test("is replaced by the link in a mail, for every tenant of the person", async () => {
    await inUse();
    await world.seed(await world.tenant("beta"), { allowExistingUser: true });
    const token = await world.forgotten("acme", "OWNER@example.com ");
    const mail = (await world.mails()).find((text) => text.includes(token));
    expect(mail).toContain("Subject: Your new password for Acme");
    // Once in the text; in the HTML behind the button, behind the address, and as the address.
    expect(mail?.split(`https://acme.example.com/reset-password?token=${token}`)).toHaveLength(5);
    const session = await world.reset(token);
    expect(session).toMatchObject({
      tenantSlug: "acme",
      role: "OWNER",
      identity: { email: OWNER },
    });
    await world.keys.verify(session.accessToken, "tenant:acme");
    for (const slug of ["acme", "beta"]) {
      await expect(world.signIn(slug)).rejects.toMatchObject(FAILED);
      await world.signIn(slug, NEW);
    }
    expect((await world.trail()).slice(4)).toEqual([
      ...["PASSWORD_RESET_REQUESTED", "PASSWORD_RESET", "SIGN_IN_FAILED WRONG_PASSWORD"],
      ...["SIGNED_IN", "SIGN_IN_FAILED WRONG_PASSWORD", "SIGNED_IN"],
    ]);
  });

  test("is asked for alike whoever it is, and after the same time", async () => {
    await inUse();
    await world.tenant("beta");
    const gone = await world.tenant("gone");
    await world.seed(gone, { allowExistingUser: true });
    await world.platform.sql("update platform.tenant set status = 'SUSPENDED' where id = $1", [
      gone.id,
    ]);
    await world.seed(await world.tenant("invited"), { email: "bo@example.com" });
    const before = (await world.mails()).length;
    const asked = [
      ["acme", OWNER, null],
      ["acme", "nobody@example.com", "UNKNOWN_ACCOUNT"],
      ["nowhere", OWNER, "UNKNOWN_TENANT"],
      ["beta", OWNER, "NO_MEMBERSHIP"],
      ["gone", OWNER, "TENANT_NOT_ACTIVE"],
      ["invited", "bo@example.com", "NO_PASSWORD"],
      ["x".repeat(999), "my password", "UNKNOWN_TENANT"],
    ] as const;
    for (const [slug, email] of asked) {
      const since = performance.now();
      expect(await world.requestReset(slug, email)).toEqual({ requested: true });
      // Longer than any of the works behind it, so that none of them can be told by its time.
      expect(performance.now() - since).toBeGreaterThan(240);
    }
    expect((await requests()).map(({ refusal }) => refusal)).toEqual(
      asked.map(([, , refusal]) => refusal),
    );
    expect((await requests()).at(-1)).toEqual({
      email: null,
      refusal: "UNKNOWN_TENANT",
      tenant_slug: null,
      actor_kind: "ANONYMOUS",
    });
    expect(await world.mails()).toHaveLength(before + 1);
  });

  test("is limited by account, known or not, and not together with signing in", async () => {
    await inUse();
    for (const email of [OWNER, "nobody@example.com"]) {
      for (let time = 0; time < 6; time++) await world.requestReset("acme", email);
      for (const slug of ["acme", "another"]) {
        await expect(world.requestReset(slug, email)).rejects.toMatchObject({
          code: "E_RATE_LIMITED",
          retryAfterSeconds: 2,
        });
      }
    }
    await world.signIn("acme");
    world.pass(2);
    await world.requestReset("acme");
  });

  test("is limited by address, whoever is asked about", async () => {
    await inUse();
    await Promise.all(
      Array.from({ length: 51 }, (_none, at) => world.requestReset("acme", `p${at}@example.com`)),
    );
    await expect(world.requestReset("acme")).rejects.toMatchObject({ code: "E_RATE_LIMITED" });
  });

  test("of a one-time password ends that", async () => {
    const acme = await world.tenant("acme");
    await world.seed(acme, { credential: "ONE_TIME_PASSWORD" });
    const [row] = await world.platform.sql("select id from platform.invitation");
    const oneTimePassword = world.credentials.oneTimePassword(String(row?.id));
    await world.reset(await world.forgotten("acme"));
    await expect(world.signIn("acme", oneTimePassword)).rejects.toMatchObject(FAILED);
    await expect(world.reveal(acme.id)).rejects.toMatchObject({ code: "E_PASSWORD_REVEALED" });
    await world.signIn("acme", NEW);
  });

  test("that is replaced lets in whoever has failed too often", async () => {
    await inUse();
    for (let time = 0; time < 6; time++) {
      await expect(world.signIn("acme", "a wrong password")).rejects.toMatchObject(FAILED);
    }
    await expect(world.signIn("acme")).rejects.toMatchObject({ code: "E_RATE_LIMITED" });
    await world.reset(await world.forgotten("acme"));
    await world.signIn("acme", NEW);
  });
});

describe("the link for a new password", () => {
  test("works once, also for many of two processes at the same moment", async () => {
    await inUse();
    const token = await world.forgotten("acme");
    const { em } = await world.platform.another();
    const results = await Promise.allSettled(
      // One more is limited.
      Array.from({ length: 5 }, (_none, index) => {
        const ports = index % 2 === 0 ? world : { ...world, em };
        const newPassword = `a quiet river ${index}`;
        return resetTenantPassword(ports, { token, newPassword, address: ADDRESS });
      }),
    );
    const winners = results.flatMap(({ status }, index) => (status === "fulfilled" ? index : []));
    expect(winners).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject(INVALID);
    }
    await world.signIn("acme", `a quiet river ${winners[0]}`);
  });

  test("is refused alike when it is unknown, forged, used, replaced, expired or not wanted", async () => {
    const acme = await inUse();
    const refusal = (token: string) => world.reset(token).catch((error: unknown) => String(error));
    const used = await world.forgotten("acme");
    await world.reset(used, PASSWORD);
    const replaced = await world.forgotten("acme");
    const forged = `${replaced.slice(0, -4)}AAAA`;
    const token = await world.forgotten("acme");
    const texts = await Promise.all(
      ["", "x.y", `${newId()}.x`, forged, used, replaced].map(refusal),
    );
    world.pass(HOUR + 1);
    texts.push(await refusal(token));
    const unwanted = await world.forgotten("acme");
    await world.changePassword("acme", PASSWORD, "a third quiet river");
    texts.push(await refusal(unwanted));
    const stranger = await world.forgotten("acme");
    const [member] = (await pageOfMembers(world.people(), acme.id, {})).rows;
    await removeMembership(world.managing(), STARTER, member?.id ?? "");
    texts.push(await refusal(stranger));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain("not valid");
  });

  test("is not used up by a weak password or a tenant that is not active", async () => {
    await inUse();
    const token = await world.forgotten("acme");
    for (const weak of ["short", "owner@example.com", "Password2024!", "x".repeat(129)]) {
      await expect(world.reset(token, weak)).rejects.toMatchObject({ code: "E_WEAK_PASSWORD" });
    }
    await world.platform.sql("update platform.tenant set status = 'SUSPENDED'");
    await expect(world.reset(token)).rejects.toThrow("Tenant 'acme' is not active");
    await world.platform.sql("update platform.tenant set status = 'ACTIVE'");
    await world.reset(token);
  });

  test("is guessed no more often than a password", async () => {
    await inUse();
    const token = await world.forgotten("acme");
    const forged = `${token.slice(0, -4)}AAAA`;
    for (let time = 0; time < 6; time++) {
      await expect(world.reset(forged)).rejects.toMatchObject(INVALID);
    }
    await expect(world.reset(token)).rejects.toMatchObject({ code: "E_RATE_LIMITED" });
    world.pass(2);
    await world.reset(token);
  });

  test("is stored nowhere", async () => {
    await inUse();
    const token = await world.forgotten("acme");
    const mac = token.split(".")[1] ?? token;
    for (const table of ["identity", "mail", "audit_event", "sign_in_attempt"]) {
      const rows = await world.platform.sql(`select * from platform.${table}`);
      expect(JSON.stringify(rows)).not.toContain(mac);
    }
  });

  test("is not mailed once it is of no use, and goes with the tenant's people", async () => {
    const acme = await inUse();
    const before = (await world.mails()).length;
    await world.requestReset("acme");
    await world.requestReset("acme");
    expect(await world.mails()).toHaveLength(before + 1);
    await world.requestReset("acme");
    world.pass(HOUR + 1);
    expect(await world.mails()).toHaveLength(before + 1);
    await world.em.fork().transactional((em) => removePeople(em, { tenantId: acme.id }));
    expect(await world.platform.sql("select id from platform.mail")).toEqual([]);
  });
});
