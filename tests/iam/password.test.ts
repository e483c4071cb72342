import { performance } from "node:perf_hooks";
import { describe, expect, test } from "vitest";
import { newOneTimePassword } from "../../src/iam/sign-in/one-time-password.ts";
import { checkNewPassword, hashPassword, verifyPassword } from "../../src/iam/sign-in/password.ts";

const check = (password: string, email = "ada.lovelace@example.com") =>
  checkNewPassword(password, email);

describe("a new password", () => {
  test.each([
    "a quiet river bends",
    "Tr0ub4dor&3-elephant",
    "ünïcödé is fine too",
    "password-of-a-quiet-river",
    "x9".repeat(2) + "k2v8q1z7m4",
    "a quiet river ".repeat(9),
  ])("may be %j", (password) => {
    expect(() => check(password)).not.toThrow();
  });

  test.each([
    ["short", "short-one"],
    ["eleven characters", "abcdefghijk"],
    ["too long", "a quiet river ".repeat(10)],
    ["a known word with digits", "Password2024!"],
    ["two known words", "admin-tenantry-1"],
    ["a walk over the keyboard", "qwertyuiop12"],
    ["only digits", "123456789012"],
    ["one character", "aaaaaaaaaaaaaaaa"],
    ["the email", "ada.lovelace@example.com"],
    ["the account with digits", "Ada.Lovelace1815"],
  ])("may not be %s", (_what, password) => {
    expect(() => check(password)).toThrow(expect.objectContaining({ code: "E_WEAK_PASSWORD" }));
    try {
      check(password);
    } catch (error) {
      expect(String(error)).not.toContain(password);
    }
  });

  test("costs nothing to refuse, however long it is and however it would grow", () => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 10; round++) {
      const start = performance.now();
      // Each of these becomes eighteen characters when it is normalised.
      for (const password of ["a quiet river ".repeat(70_000), "\uFDFA".repeat(330_000)]) {
        expect(() => check(password)).toThrow("12 to 128 characters");
      }
      best = Math.min(best, performance.now() - start);
    }
    expect(best).toBeLessThan(20);
  });

  test("may be any one-time password", () => {
    for (let made = 0; made < 200; made++) {
      const password = newOneTimePassword();
      expect(password).toMatch(/^[a-km-np-z2-9]{20}$/);
      check(password);
    }
  });
});

describe("a hash", () => {
  test("is argon2id with a salt of its own", async () => {
    const [one, other] = await Promise.all([
      hashPassword("secret one"),
      hashPassword("secret one"),
    ]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(other);
  });

  test("matches its password alone", async () => {
    const hash = await hashPassword("a quiet river bends");
    expect(await verifyPassword(hash, "a quiet river bends")).toBe(true);
    expect(await verifyPassword(hash, "a quiet river bend")).toBe(false);
    expect(await verifyPassword(hash, "")).toBe(false);
    expect(await verifyPassword(null, "a quiet river bends")).toBe(false);
    expect(await verifyPassword(null, "")).toBe(false);
  });

  test("matches however the characters were composed", async () => {
    const hash = await hashPassword("cr\u00e8me brul\u00e9e gate");
    expect(await verifyPassword(hash, "cre\u0300me brule\u0301e gate")).toBe(true);
  });

  test("matches nothing past 128 characters, at no greater cost", async () => {
    const hash = await hashPassword("x".repeat(128));
    expect(await verifyPassword(hash, "x".repeat(129))).toBe(false);
    expect(await verifyPassword(hash, "x".repeat(1_000_000))).toBe(false);
  });

  test("takes as long to miss where there is no account", async () => {
    const hash = await hashPassword("a quiet river bends");
    const best = { absent: Number.POSITIVE_INFINITY, present: Number.POSITIVE_INFINITY };
    for (let round = 0; round < 10; round++) {
      for (const [which, against] of [
        ["absent", null],
        ["present", hash],
      ] as const) {
        const start = performance.now();
        await verifyPassword(against, "a wrong password");
        best[which] = Math.min(best[which], performance.now() - start);
      }
    }
    // An answer without hashing takes a hundredth; the rest is the noise of a busy machine.
    const ratio = best.absent / best.present;
    expect(ratio).toBeGreaterThan(0.25);
    expect(ratio).toBeLessThan(4);
  });
});
