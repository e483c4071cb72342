import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { Actor } from "../../src/iam/actor.ts";
import { signIn } from "../../src/iam/sign-in/sign-in.ts";
import { PLATFORM_AUDIENCE } from "../../src/iam/tokens/access-token.ts";
import { createServiceToken, revokeServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { newId } from "../../src/kernel/ids.ts";
import { ADDRESS, openIam, PASSWORD } from "../kit/iam.ts";
import { perFile } from "../kit/lifetime.ts";

const world = perFile(openIam);

const ADMIN: Actor = {
  kind: "OS_USER",
  id: "test",
  name: "test",
  role: "ADMINISTRATOR",
  address: null,
};

const newToken = (name: string) =>
  createServiceToken(world, ADMIN, { name, role: "SUPPORT", expiresInDays: 1 });

async function holderOf(email: string) {
  const user = await world.user(email, "BILLING");
  const { accessToken } = await signIn(world, { email, password: PASSWORD, address: ADDRESS });
  const { issuedAt, claims } = await world.keys.verify(accessToken, PLATFORM_AUDIENCE);
  return { kind: "USER", id: user.id, issuedAt, session: String(claims.sid) } as const;
}

test("those who come at the same moment are told apart", async () => {
  const good = await holderOf("good@example.com");
  const other = await holderOf("other@example.com");
  const disabled = await holderOf("disabled@example.com");
  await world.platform.sql("update platform.platform_user set disabled_at = now() where id = $1", [
    disabled.id,
  ]);
  const living = await newToken("living");
  const revoked = await newToken("revoked");
  await revokeServiceToken(world, ADMIN, revoked.serviceToken.id);
  const token = { kind: "SERVICE_TOKEN", issuedAt: new Date(), session: null } as const;
  const { standings } = world;
  const found = await Promise.all([
    standings.of(disabled),
    standings.of(good),
    standings.of({ ...token, id: revoked.serviceToken.id }),
    standings.of({ ...good, id: newId() }),
    standings.of({ ...token, id: living.serviceToken.id }),
    standings.of({ ...good, session: randomUUID() }),
    // Somebody else's session is nobody's way in.
    standings.of({ ...good, session: other.session }),
    standings.of(good),
  ]);
  const user = { name: "good@example.com", role: "BILLING" };
  const script = { name: "living", role: "SUPPORT" };
  expect(found).toEqual([null, user, null, null, script, null, null, user]);
});

test("service tokens that come at the same moment are told apart", async () => {
  const [one, two] = [await newToken("one"), await newToken("two")];
  const values = [two.value, "tnt_nobody", one.value, two.value];
  const found = await Promise.all(values.map(world.standings.ofServiceToken));
  expect(found.map((token) => token?.name ?? null)).toEqual(["two", null, "one", "two"]);
  expect(found[0]?.expiresAt).toEqual(two.serviceToken.expiresAt);
});

test("whoever is disabled is out with the next question, whatever was asked before", async () => {
  const holder = await holderOf("next@example.com");
  expect(await world.standings.of(holder)).not.toBeNull();
  await world.platform.sql("update platform.platform_user set disabled_at = now() where id = $1", [
    holder.id,
  ]);
  expect(await world.standings.of(holder)).toBeNull();
});
