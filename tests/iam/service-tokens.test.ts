import { describe, expect, test } from "vitest";
import type { Actor } from "../../src/iam/actor.ts";
import { authenticate } from "../../src/iam/authenticate.ts";
import { mayGive } from "../../src/iam/grants.ts";
import { isServiceToken, newServiceToken } from "../../src/iam/tokens/service-token-value.ts";
import { createServiceToken, revokeServiceToken } from "../../src/iam/tokens/service-tokens.ts";
import { disablePlatformUser } from "../../src/iam/users/administer-users.ts";
import { ACTOR, ADDRESS, openIam } from "../kit/iam.ts";
import { perFile } from "../kit/lifetime.ts";

const world = perFile(openIam);

const ADMIN: Actor = { ...ACTOR, role: "ADMINISTRATOR" };
const create = (request: object, actor = ADMIN) =>
  createServiceToken(world, actor, { name: "ci", role: "PROVISIONER", ...request });
const enter = (value: string) => authenticate(world, `Bearer ${value}`, ADDRESS);
const refused = { code: "E_UNAUTHENTICATED" };

describe("the value of a service token", () => {
  test("is told from any other text by its checksum", () => {
    const value = newServiceToken();
    expect(value).toMatch(/^tnt_[0-9A-Za-z]{49}$/);
    expect(isServiceToken(value)).toBe(true);
    const other = value.at(9) === "a" ? "b" : "a";
    for (const text of [
      value.slice(0, -1),
      `${value}0`,
      value.slice(0, 9) + other + value.slice(10),
      value.replace("tnt_", "tnT_"),
    ]) {
      expect(isServiceToken(text)).toBe(false);
    }
  });

  test("is kept nowhere", async () => {
    const { value } = await create({});
    await enter(value);
    await revokeServiceToken(world, ADMIN, (await create({})).serviceToken.id);
    const rows = await world.platform.sql(
      `select to_jsonb(t)::text as row from platform.service_token t
       union all select to_jsonb(a)::text from platform.audit_event a`,
    );
    expect(rows.length).toBeGreaterThan(3);
    for (const { row } of rows) expect(row).not.toContain(value.slice(12));
  });
});

test("lets in as the token, with its role", async () => {
  const { value, serviceToken } = await create({ name: "nightly", role: "SUPPORT" });
  const { actor, expiresAt } = await enter(value);
  expect(actor).toEqual({
    kind: "SERVICE_TOKEN",
    id: serviceToken.id,
    name: "nightly",
    role: "SUPPORT",
    address: ADDRESS,
  });
  const days = (expiresAt.getTime() - world.clock().getTime()) / 86_400_000;
  expect(days).toBeGreaterThan(89.9);
  expect(days).toBeLessThanOrEqual(90);
});

const useOf = async (id: string) => {
  const [row] = await world.platform.sql(
    "select last_used_at, xmin::text as version from platform.service_token where id = $1",
    [id],
  );
  return row;
};

test("keeps when it was used, once a minute", async () => {
  const { value, serviceToken } = await create({});
  const used = () => useOf(serviceToken.id);
  expect((await used())?.last_used_at).toBeNull();
  await enter(value);
  const first = await used();
  expect(first?.last_used_at).toBeInstanceOf(Date);
  await enter(value);
  await enter(value);
  expect(await used()).toEqual(first);
  await world.platform.sql(
    "update platform.service_token set last_used_at = now() - interval '61 seconds' where id = $1",
    [serviceToken.id],
  );
  await enter(value);
  expect((await used())?.last_used_at).not.toEqual(first?.last_used_at);
});

describe("refuses", () => {
  test("a token that was revoked, once and again", async () => {
    const { value, serviceToken } = await create({});
    await enter(value);
    await world.platform.sql(
      "update platform.service_token set last_used_at = now() - interval '1 hour' where id = $1",
      [serviceToken.id],
    );
    await revokeServiceToken(world, ADMIN, serviceToken.id);
    const before = await useOf(serviceToken.id);
    const again = await revokeServiceToken(world, ADMIN, serviceToken.id);
    expect(again.revokedAt).toBeInstanceOf(Date);
    await expect(enter(value)).rejects.toMatchObject(refused);
    expect(await useOf(serviceToken.id)).toEqual(before);
    const [{ count } = {}] = await world.platform.sql(
      "select count(*)::int from platform.audit_event where type = 'SERVICE_TOKEN_REVOKED' and detail->>'serviceTokenId' = $1",
      [serviceToken.id],
    );
    expect(count).toBe(1);
  });

  test("a token that has expired", async () => {
    const { value, serviceToken } = await create({});
    await world.platform.sql(
      "update platform.service_token set created_at = now() - interval '2 days', expires_at = now() where id = $1",
      [serviceToken.id],
    );
    await expect(enter(value)).rejects.toMatchObject(refused);
    expect((await useOf(serviceToken.id))?.last_used_at).toBeNull();
  });

  test("a token that was never made, and its hash", async () => {
    const { serviceToken } = await create({});
    const texts = [newServiceToken(), "tnt_", "tnt_x.y.z", `tnt_${serviceToken.tokenHash}`];
    for (const text of texts) await expect(enter(text)).rejects.toMatchObject(refused);
  });

  test("a lifetime without bounds, a name of several lines, a role that is none", async () => {
    for (const [request, field] of [
      [{ expiresInDays: 367 }, "expiresInDays"],
      [{ expiresInDays: 0 }, "expiresInDays"],
      [{ expiresInDays: null }, "expiresInDays"],
      [{ name: "a\nb" }, "name"],
      [{ name: " " }, "name"],
      [{ name: "x".repeat(101) }, "name"],
      [{ role: "ROOT" }, "role"],
    ] as const) {
      await expect(create(request)).rejects.toMatchObject({
        code: "E_VALIDATION",
        issues: [{ path: [field] }],
      });
    }
  });

  test("to make one that may do more than its maker, and to revoke one that there is not", async () => {
    const actor: Actor = { ...ACTOR, role: "PROVISIONER" };
    await expect(create({ role: "ADMINISTRATOR" }, actor)).rejects.toMatchObject({
      code: "E_FORBIDDEN",
    });
    await expect(revokeServiceToken(world, ADMIN, "x")).rejects.toMatchObject({
      code: "E_SERVICE_TOKEN_NOT_FOUND",
    });
  });
});

test("a token's tokens do not outlast it", async () => {
  const { value } = await create({ role: "ADMINISTRATOR", expiresInDays: 10 });
  const { actor } = await enter(value);
  await create({ expiresInDays: 9 }, actor);
  await expect(create({ expiresInDays: 11 }, actor)).rejects.toMatchObject({
    code: "E_VALIDATION",
    issues: [{ path: ["expiresInDays"] }],
  });
});

describe("a token that a token made", () => {
  const state = async (id: string) => {
    const [row] = await world.platform.sql(
      "select revoked_at from platform.service_token where id = $1",
      [id],
    );
    return row?.revoked_at === null ? "lives" : "revoked";
  };
  const family = async () => {
    const parent = await create({ name: "parent", role: "ADMINISTRATOR" });
    const child = await create(
      { name: "child", role: "ADMINISTRATOR", expiresInDays: 9 },
      (await enter(parent.value)).actor,
    );
    const grandchild = await create(
      { name: "grandchild", expiresInDays: 8 },
      (await enter(child.value)).actor,
    );
    const stranger = await create({ name: "stranger" });
    return { parent, child, grandchild, stranger };
  };

  test("ends with it, and all that it made in its turn; each is told", async () => {
    const { parent, child, grandchild, stranger } = await family();
    await revokeServiceToken(world, ADMIN, parent.serviceToken.id);
    for (const { value } of [parent, child, grandchild]) {
      await expect(enter(value)).rejects.toMatchObject(refused);
    }
    await enter(stranger.value);
    const told = await world.platform.sql(
      `select detail->>'serviceTokenId' as id from platform.audit_event
       where type = 'SERVICE_TOKEN_REVOKED' order by sequence desc, id desc limit 3`,
    );
    const ids = [parent, child, grandchild].map(({ serviceToken }) => serviceToken.id);
    expect(told.map(({ id }) => id).sort()).toEqual(ids.sort());
  });

  test("ends alone, and leaves its maker", async () => {
    const { parent, child, grandchild } = await family();
    await revokeServiceToken(world, ADMIN, child.serviceToken.id);
    expect(await state(grandchild.serviceToken.id)).toBe("revoked");
    expect(await state(parent.serviceToken.id)).toBe("lives");
  });

  test("does not escape by being made while its maker is revoked", async () => {
    const parent = await create({ role: "ADMINISTRATOR" });
    const { actor } = await enter(parent.value);
    const made = await Promise.allSettled([
      ...Array.from({ length: 4 }, () => create({ name: "race", expiresInDays: 9 }, actor)),
      revokeServiceToken(world, ADMIN, parent.serviceToken.id),
      ...Array.from({ length: 4 }, () => create({ name: "race", expiresInDays: 9 }, actor)),
    ]);
    expect(made[4]).toMatchObject({ status: "fulfilled" });
    const living = await world.platform.sql(
      "select id from platform.service_token where name = 'race' and revoked_at is null",
    );
    expect(living).toEqual([]);
    await expect(create({ name: "race", expiresInDays: 9 }, actor)).rejects.toMatchObject(refused);
  });
});

describe("a token that a person made", () => {
  const personAndToken = async (email: string) => {
    await world.user(`root-${email}`, "ADMINISTRATOR");
    const user = await world.user(email, "ADMINISTRATOR");
    const maker: Actor = { ...ADMIN, kind: "USER", id: user.id, name: user.email };
    const token = await create({ role: "ADMINISTRATOR" }, maker);
    return { user, maker, token };
  };

  test("lives on when that person is disabled", async () => {
    const { user, maker, token } = await personAndToken("gone@example.com");
    await disablePlatformUser(world, ACTOR, user);
    await enter(token.value);
    await expect(create({}, maker)).rejects.toMatchObject(refused);
  });

  test("ends with that person where it is asked for, with what it has made; also afterwards", async () => {
    const { user, maker, token } = await personAndToken("bad@example.com");
    const child = await create({ expiresInDays: 9 }, (await enter(token.value)).actor);
    await disablePlatformUser(world, ACTOR, user);
    await enter(child.value);
    const made = await Promise.allSettled([
      ...Array.from({ length: 4 }, () => create({ name: "late" }, maker)),
      disablePlatformUser(world, ACTOR, user, { revokeServiceTokens: true }),
    ]);
    expect(made.at(-1)).toMatchObject({ status: "fulfilled" });
    for (const { value } of [token, child]) {
      await expect(enter(value)).rejects.toMatchObject(refused);
    }
    const [told] = await world.platform.sql(
      `select count(*)::int from platform.audit_event
       where type = 'SERVICE_TOKEN_REVOKED' and detail->>'serviceTokenId' in ($1, $2)`,
      [token.serviceToken.id, child.serviceToken.id],
    );
    expect(told).toEqual({ count: 2 });
  });

  test("does not escape by being made while that person is disabled", async () => {
    const { user, maker } = await personAndToken("quick@example.com");
    await Promise.allSettled([
      ...Array.from({ length: 4 }, () => create({ name: "quick" }, maker)),
      disablePlatformUser(world, ACTOR, user, { revokeServiceTokens: true }),
      ...Array.from({ length: 4 }, () => create({ name: "quick" }, maker)),
    ]);
    const living =
      "select id from platform.service_token where name = 'quick' and revoked_at is null";
    expect(await world.platform.sql(living)).toEqual([]);
  });
});

test("a role may be given by a role that allows as much", () => {
  expect(mayGive("ADMINISTRATOR", "ADMINISTRATOR")).toBe(true);
  expect(mayGive("PROVISIONER", "READONLY")).toBe(true);
  expect(mayGive("PROVISIONER", "ADMINISTRATOR")).toBe(false);
  expect(mayGive("SUPPORT", "BILLING")).toBe(false);
});
