import { describe, expect, test } from "vitest";
import {
  ACCOUNT_POLICY,
  ADDRESS_POLICY,
  accountKey,
  networkOf,
  placeKey,
  waitAfter,
} from "../../src/iam/sign-in/sign-in-policy.ts";

const AT = new Date("2026-03-01T12:00:00Z");
const later = (seconds: number) => new Date(AT.getTime() + seconds * 1000);

describe("the wait", () => {
  test.each([
    // failures, seconds since the last, seconds that are left
    [1, 0, 0],
    [5, 0, 0],
    [6, 0, 2],
    [6, 1.5, 0.5],
    [6, 2, 0],
    [6, 3600, 0],
    [7, 0, 4],
    [8, 0, 8],
    [14, 0, 512],
    [15, 0, 900],
    [15, 899, 1],
    [2_000_000_000, 0, 900],
    // Another process's clock runs ahead of ours.
    [6, -1, 3],
  ])("after %i failures of an account, the last %d s ago, is %d s", (failures, ago, left) => {
    const count = { failures, lastFailureAt: AT };
    expect(waitAfter(ACCOUNT_POLICY, count, later(ago))).toBe(left * 1000);
  });

  test.each([
    [50, 0],
    [51, 2],
    [55, 32],
    [60, 900],
  ])("after %i failures from an address is %d s", (failures, left) => {
    const count = { failures, lastFailureAt: AT };
    expect(waitAfter(ADDRESS_POLICY, count, AT)).toBe(left * 1000);
  });
});

describe("the network of an address", () => {
  test.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["::FFFF:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:0:0:5:6:7:8", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["no address", "no address"],
  ])("of %s is %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

test("accounts of other realms and names have other keys, and others again at each place", () => {
  const keys = [
    accountKey(["PLATFORM", "ada@example.com"]),
    accountKey(["PLATFORM", "eve@example.com"]),
    accountKey(["TENANT", "ada@example.com"]),
    accountKey(["TENANT", "ada@example.com,"]),
    accountKey(["INVITATION", "ada@example.com"]),
    placeKey(["PLATFORM", "ada@example.com"], "192.0.2.1"),
    placeKey(["PLATFORM", "ada@example.com"], "192.0.2.2"),
    placeKey(["TENANT", "ada@example.com"], "192.0.2.1"),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) expect(key).toMatch(/^[\w-]{43}$/);
});
