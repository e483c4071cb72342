import { describe, expect, test } from "vitest";
import { changePassword, signIn } from "../../src/iam/sign-in/sign-in.ts";
import { accountKey, addressKey } from "../../src/iam/sign-in/sign-in-policy.ts";
import { seedSuperuser } from "../../src/iam/users/platform-users.ts";
import { ACTOR, ADDRESS, openIam, PASSWORD } from "../kit/iam.ts";
import { perTest, stopDate } from "../kit/lifetime.ts";

perTest(stopDate);
const world = perTest(openIam);

const EMAIL = "ada@example.com";
const WRONG = "a wrong password";
const FREE = 6;
type From = { email?: string; address?: string | null; ports?: Parameters<typeof signIn>[0] };
const enter = (
  password = PASSWORD,
  { email = EMAIL, address = ADDRESS, ports = world }: From = {},
) => signIn(ports, { email, password, address });
/** The code that a try fails with, or what it answered. */
const outcome = (attempt: Promise<unknown>) =>
  attempt.then(
    () => "SIGNED_IN",
    (error: { code?: string }) => error.code ?? String(error),
  );
const tally = (outcomes: string[]) =>
  Object.fromEntries(
    [...new Set(outcomes)].sort().map((code) => [code, outcomes.filter((o) => o === code).length]),
  );
const fail = async (times: number, from: From = {}) => {
  for (let time = 0; time < times; time++) {
    expect(await outcome(enter(WRONG, from))).toBe("E_SIGN_IN_FAILED");
  }
};
const failuresOf = async (key: string) => {
  const sql = "select failures from platform.sign_in_attempt where key = $1";
  return (await world.platform.sql(sql, [key]))[0]?.failures ?? 0;
};
const ofAccount = (email = EMAIL) => failuresOf(accountKey(["PLATFORM", email]));
const ofAddress = (address = ADDRESS) => failuresOf(addressKey(address));
const limited = (retryAfterSeconds: number) => ({ code: "E_RATE_LIMITED", retryAfterSeconds });
/** An address that nobody else has. */
const elsewhere = (index: number) => `198.51.100.${index}`;

describe("an account", () => {
  test.each([
    ["known", EMAIL],
    ["unknown", "nobody@example.com"],
  ])("that is %s has to wait after too many failures, longer each time", async (_what, email) => {
    await world.user(EMAIL);
    await fail(FREE, { email });
    for (const wait of [2, 4, 8]) {
      await expect(enter(WRONG, { email })).rejects.toMatchObject({
        ...limited(wait),
        message: `Too many attempts: try again in ${wait} s.`,
      });
      world.pass(wait);
      await fail(1, { email });
    }
    expect(await ofAccount(email)).toBe(FREE + 3);
  });

  test("refuses the right password, too, until the wait is over", async () => {
    await world.user(EMAIL);
    await fail(FREE);
    await expect(enter()).rejects.toMatchObject(limited(2));
    const change = { email: EMAIL, currentPassword: PASSWORD, newPassword: "another quiet river" };
    await expect(changePassword(world, { ...change, address: ADDRESS })).rejects.toMatchObject(
      limited(2),
    );
    await expect(enter(PASSWORD, { address: elsewhere(1) })).rejects.toMatchObject(limited(2));
    world.pass(2);
    await enter();
  });

  test("is limited over all addresses, by all ways to try its password, in any spelling", async () => {
    await world.user(EMAIL);
    const change = { currentPassword: WRONG, newPassword: "another quiet river" };
    for (let index = 0; index < FREE; index += 2) {
      await fail(1, { email: ` Ada@EXAMPLE.com `, address: elsewhere(index) });
      const changing = changePassword(world, { ...change, email: EMAIL, address: null });
      expect(await outcome(changing)).toBe("E_SIGN_IN_FAILED");
    }
    await expect(enter()).rejects.toMatchObject(limited(2));
  });

  test("is cleared by success, and then has all its failures free again", async () => {
    await world.user(EMAIL);
    await fail(FREE - 1);
    await enter();
    expect(await ofAccount()).toBe(0);
    await fail(FREE);
    await expect(enter()).rejects.toMatchObject(limited(2));
  });

  test("is forgotten after a day", async () => {
    await world.user(EMAIL);
    await fail(FREE);
    world.pass(86_400);
    await fail(1);
    expect(await ofAccount()).toBe(1);
    await enter();
  });

  test("does not wait longer because somebody tries meanwhile", async () => {
    await world.user(EMAIL);
    await fail(FREE);
    for (let time = 0; time < 10; time++) {
      expect(await outcome(enter(WRONG))).toBe("E_RATE_LIMITED");
    }
    world.pass(2);
    await enter();
  });

  test("is not locked, where it has signed in lately, by whoever fails elsewhere", async () => {
    await world.user(EMAIL);
    await enter();
    await fail(FREE, { address: elsewhere(1) });
    await expect(enter(PASSWORD, { address: elsewhere(2) })).rejects.toMatchObject(limited(2));
    await enter();
    // Signing in there gives the others no further tries.
    await expect(enter(PASSWORD, { address: elsewhere(2) })).rejects.toMatchObject(limited(2));
    await fail(FREE);
    await expect(enter()).rejects.toMatchObject(limited(2));
    world.pass(2);
    await enter();
    world.pass(31 * 86_400);
    await fail(FREE, { address: elsewhere(1) });
    await expect(enter()).rejects.toMatchObject(limited(2));
  });

  test("is not known where only somebody else of the same network signs in", async () => {
    await world.user(EMAIL);
    await world.user("bo@example.com");
    await enter(PASSWORD, { email: "bo@example.com" });
    await fail(FREE, { address: elsewhere(1) });
    await expect(enter()).rejects.toMatchObject(limited(2));
  });

  test("can be opened by the break-glass command, also where it is known", async () => {
    await world.user(EMAIL);
    await enter();
    await fail(FREE);
    await fail(FREE, { address: elsewhere(1) });
    await seedSuperuser(world, ACTOR, { email: EMAIL, password: "another quiet river" });
    await enter("another quiet river");
    await enter("another quiet river", { address: elsewhere(1) });
  });

  test("counts a disabled user's right password like a wrong one", async () => {
    await world.user(EMAIL);
    await world.platform.sql("update platform.platform_user set disabled_at = now()");
    for (let time = 0; time < FREE; time++) {
      expect(await outcome(enter())).toBe("E_SIGN_IN_FAILED");
    }
    expect(await outcome(enter())).toBe("E_RATE_LIMITED");
  });
});

describe("tries at the same moment", () => {
  test("of two processes at one account are no more than tries one after another", async () => {
    await world.user(EMAIL);
    const { em } = await world.platform.another();
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_none, index) =>
        outcome(enter(WRONG, { ports: index % 2 === 0 ? world : { ...world, em } })),
      ),
    );
    expect(tally(outcomes)).toEqual({ E_RATE_LIMITED: 50 - FREE, E_SIGN_IN_FAILED: FREE });
    expect(await ofAccount()).toBe(FREE);
    await expect(enter(PASSWORD, { ports: { ...world, em } })).rejects.toMatchObject({
      code: "E_RATE_LIMITED",
    });
  });

  test("of two processes at fifty accounts count fifty times for their address", async () => {
    const { em } = await world.platform.another();
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_none, index) => {
        const ports = index % 2 === 0 ? world : { ...world, em };
        return outcome(enter(WRONG, { ports, email: `somebody${index}@example.com` }));
      }),
    );
    expect(tally(outcomes)).toEqual({ E_SIGN_IN_FAILED: 50 });
    expect(await ofAddress()).toBe(50);
  });

  test("with the right password do not stand in each other's way", async () => {
    await world.user(EMAIL);
    await fail(1);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(enter())));
    expect(tally(outcomes)).toEqual({ SIGNED_IN: 20 });
    expect(await ofAccount()).toBe(0);
  });

  test("are refused when too many stand in line already, but where they are known", async () => {
    await world.user("bo@example.com");
    await enter(PASSWORD, { email: "bo@example.com" });
    // In turns: whichever the line refuses, as their order in it is not that of the calls, both
    // accounts have more tries in it than they have free.
    const tries = Array.from({ length: 230 }, (_none, index) =>
      outcome(enter(WRONG, { address: null, email: index % 2 === 0 ? "a@example.com" : EMAIL })),
    );
    await Promise.race(tries);
    await enter(PASSWORD, { email: "bo@example.com" });
    const outcomes = await Promise.all(tries);
    const { E_RATE_LIMITED: refused, ...tried } = tally(outcomes);
    expect(refused).toBe(230 - 2 * FREE);
    expect(tried).toEqual({ E_SIGN_IN_FAILED: 2 * FREE });
    expect(await ofAccount()).toBe(FREE);
  });
});

describe("an address", () => {
  const spray = async (times: number, address: string, from = 0) => {
    for (let index = from; index < from + times; index++) {
      await fail(1, { email: `somebody${index}@example.com`, address });
    }
  };

  test("has to wait after failures at many accounts; success does not clear it", async () => {
    await world.user(EMAIL);
    await spray(50, ADDRESS);
    await enter();
    expect(await ofAddress()).toBe(50);
    await spray(1, ADDRESS, 50);
    await expect(enter()).rejects.toMatchObject(limited(2));
    expect(await ofAccount()).toBe(0);
    await enter(PASSWORD, { address: elsewhere(1) });
    await enter(PASSWORD, { address: null });
    world.pass(2);
    await enter();
    await spray(1, ADDRESS, 51);
    await expect(enter()).rejects.toMatchObject(limited(4));
    world.pass(600);
    await spray(1, ADDRESS, 52);
    expect(await ofAddress()).toBe(1);
  });

  test("is a whole /64 network in IPv6", async () => {
    await spray(26, "2001:db8:1:2::a");
    await spray(25, "2001:db8:1:2:ffff::b", 26);
    expect(await ofAddress("2001:db8:1:2::c")).toBe(51);
    const neighbour = { email: "new@example.com", address: "2001:db8:1:2::c" };
    expect(await outcome(enter(WRONG, neighbour))).toBe("E_RATE_LIMITED");
    await fail(1, { email: "new@example.com", address: "2001:db8:1:3::c" });
  });
});

test("the table keeps no name, and what is forgotten is swept by new failures", async () => {
  await fail(1, { email: "my typed password" });
  await fail(1, { email: "nobody@example.com" });
  await world.user(EMAIL);
  await enter();
  const rows = JSON.stringify([
    await world.platform.sql("select * from platform.sign_in_attempt"),
    await world.platform.sql("select * from platform.sign_in_place"),
  ]);
  expect(rows).not.toMatch(/nobody|typed|ada@|192\.0/);
  world.pass(2 * 86_400);
  await fail(1);
  expect(await world.platform.sql("select key from platform.sign_in_attempt")).toHaveLength(2);
});

test("the audit trail tells of the first refusal of each wait", async () => {
  await world.user(EMAIL);
  await fail(FREE);
  await Promise.all(Array.from({ length: 8 }, () => outcome(enter(WRONG))));
  world.pass(2);
  await fail(1);
  await outcome(enter(WRONG));
  await outcome(enter());
  const told = await world.platform.sql(
    "select actor_kind, actor_name, address, detail from platform.audit_event where type = 'SIGN_IN_LIMITED' order by sequence",
  );
  const detail = { realm: "PLATFORM", email: EMAIL, by: "ACCOUNT" };
  const who = { actor_kind: "ANONYMOUS", actor_name: EMAIL, address: ADDRESS };
  expect(told).toEqual([
    { ...who, detail: { ...detail, failures: 6, retryAfterSeconds: 2 } },
    { ...who, detail: { ...detail, failures: 7, retryAfterSeconds: 4 } },
  ]);
});
