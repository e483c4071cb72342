import { describe, expect, test } from "vitest";
import { isEmail, normalizeEmail, parseEmail } from "../../src/iam/users/email.ts";

describe("an email", () => {
  test.each([
    [" Ada@Example.COM ", "ada@example.com"],
    ["Jörg@example.com", "jörg@example.com"],
    ["jo\u0308rg@example.com", "jörg@example.com"],
    ["a@Bücher.example", "a@xn--bcher-kva.example"],
    ["a@xn--bcher-kva.example", "a@xn--bcher-kva.example"],
    ["用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"],
    ["अजय+x@डाटा.भारत", "अजय+x@xn--c2bd1gb.xn--h2brj9c"],
    ["o'neil.x_y+tag@a-b.example.org", "o'neil.x_y+tag@a-b.example.org"],
  ])("%j is kept as %s, and again as itself", (raw, kept) => {
    expect(parseEmail(raw)).toBe(kept);
    expect(normalizeEmail(kept)).toBe(kept);
  });

  test.each([
    ...["", "jörg", "@bücher.example", "a@", "a@ü", "a@b@bücher.example", "a b@bücher.example"],
    ...["jörg@exa mple.com", "jörg@127.0.0.1", "jörg@[::1]", "ö<ä@b.example", "ö,ä@b.example"],
    ...[
      "jörg\r\nBcc: x@b.example",
      "jörg@b.example\r\nX: y",
      "jö\u0000rg@b.example",
      ".jörg@b.example",
    ],
    ...["jö..rg@b.example", "\u202Ejörg@b.example", "jö\u200Brg@b.example", "a@ex%61mple.com"],
    ...["a@bücher..example", "😀@b.example", `${"ö".repeat(250)}@b.example`],
  ])("%j is none", (raw) => {
    expect(isEmail(normalizeEmail(raw))).toBe(false);
    expect(() => parseEmail(raw)).toThrow("is not an email address");
  });
});
