import { expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.ts";
import { PASSWORD } from "../kit/iam.ts";
import { OWNER, openTenants } from "../kit/invitations.ts";
import { perTest, stopDate } from "../kit/lifetime.ts";

perTest(stopDate);
const world = perTest(openTenants);

const WRONG = "a wrong password";
const FREE = 6;
const limited = { code: "E_RATE_LIMITED", retryAfterSeconds: 2 };
const fail = async (times: number, attempt: () => Promise<unknown>, code = "E_SIGN_IN_FAILED") => {
  for (let time = 0; time < times; time++) await expect(attempt()).rejects.toMatchObject({ code });
};

test("a tenant's user is limited in all tenants together, whose password is one", async () => {
  await world.accept(await world.invited(await world.tenant("acme")));
  await world.seed(await world.tenant("beta"), { allowExistingUser: true });
  await fail(2, () => world.signIn("acme", WRONG));
  await fail(2, () => world.changePassword("acme", WRONG));
  await fail(2, () => world.signIn("beta", WRONG));
  await expect(world.signIn("acme")).rejects.toMatchObject(limited);
  await expect(world.changePassword("acme", PASSWORD, "another quiet river")).rejects.toMatchObject(
    limited,
  );
  await expect(world.signIn("beta")).rejects.toMatchObject(limited);
  world.pass(2);
  await world.signIn("acme");
  await world.signIn("beta");
});

test("a password that is tried by an invitation is limited and told like at a sign-in", async () => {
  const first = await world.invited(await world.tenant("acme"));
  world.pass(1);
  const second = await world.invited(await world.tenant("beta"), { allowExistingUser: true });
  await world.accept(first);
  await fail(3, () => world.accept(second, WRONG));
  await fail(3, () => world.signIn("acme", WRONG));
  await expect(world.accept(second)).rejects.toMatchObject(limited);
  const told = await world.platform.sql(
    "select tenant_slug, actor_kind, actor_name from platform.audit_event where type = 'SIGN_IN_FAILED' order by sequence",
  );
  const who = { actor_kind: "IDENTITY", actor_name: OWNER };
  expect(told).toEqual(
    ["beta", "beta", "beta", "acme", "acme", "acme"].map((tenant_slug) => ({
      tenant_slug,
      ...who,
    })),
  );
  world.pass(2);
  await world.accept(second);
});

test.each([
  ["acme", "nobody@example.com"],
  ["nowhere", OWNER],
  ["beta", OWNER],
])("nobody's account is limited alike: %s %s", async (slug, email) => {
  await world.accept(await world.invited(await world.tenant("acme")));
  await world.tenant("beta");
  await fail(FREE, () => world.signIn(slug, PASSWORD, email));
  await expect(world.signIn(slug, PASSWORD, email)).rejects.toMatchObject(limited);
});

test("a tenant that is not active does not make the right password count", async () => {
  await world.accept(await world.invited(await world.tenant("acme")));
  await world.platform.sql("update platform.tenant set status = 'SUSPENDED'");
  await fail(FREE + 2, () => world.signIn("acme"), "E_TENANT_NOT_ACTIVE");
  await world.platform.sql("update platform.tenant set status = 'ACTIVE'");
  await world.signIn("acme");
});

test("an invitation is limited, and its address by guesses of others", async () => {
  const token = await world.invited(await world.tenant("acme"));
  const forged = `${token.slice(0, -4)}AAAA`;
  await fail(FREE, () => world.accept(forged), "E_INVITATION_INVALID");
  await expect(world.accept(token)).rejects.toMatchObject(limited);
  world.pass(2);
  await fail(45, () => world.accept(`${newId()}.x`), "E_INVITATION_INVALID");
  await expect(world.accept(token)).rejects.toMatchObject(limited);
  world.pass(2);
  await fail(3, () => world.accept(token, "short"), "E_WEAK_PASSWORD");
  await world.accept(token);
});
