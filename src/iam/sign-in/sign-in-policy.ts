import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** How many failures are let pass, and how long the waits are that follow. */
export interface AttemptPolicy {
  /** Failures of one window after which the next try need not wait. */
  readonly free: number;
  /** The longest wait in milliseconds; the first is 2 seconds, and each is twice the one before. */
  readonly longestWait: number;
  /** How long a failure is remembered at most, counted from the first of its window, in milliseconds. */
  readonly window: number;
}

/**
 * A guesser gets some 110 tries a day at one account, from however many addresses, and as many again in
 * each network that the account itself signs in from.
 */
export const ACCOUNT_POLICY: AttemptPolicy = {
  free: 5,
  longestWait: 15 * MINUTE,
  window: 24 * 60 * MINUTE,
};

/**
 * Looser than for an account, and soon forgotten: a whole office can stand behind one address. A
 * guesser who goes from account to account gets some 60 tries in a quarter of an hour.
 */
export const ADDRESS_POLICY: AttemptPolicy = {
  free: 50,
  longestWait: 15 * MINUTE,
  window: 10 * MINUTE,
};

/** Failures older than this matter to no policy. */
export const LONGEST_MEMORY = ACCOUNT_POLICY.window + ACCOUNT_POLICY.longestWait;

/**
 * Answers when the next try may be made after `failures` of them, the last at `lastFailureAt`.
 *
 * @returns the wait that is left at `now` in milliseconds, 0 when there is none
 */
export function waitAfter(
  policy: AttemptPolicy,
  { failures, lastFailureAt }: { readonly failures: number; readonly lastFailureAt: Date },
  now: Date,
): number {
  if (failures <= policy.free) return 0;
  const wait = Math.min(2 ** (failures - policy.free) * SECOND, policy.longestWait);
  return Math.max(0, lastFailureAt.getTime() + wait - now.getTime());
}

/** What an account is counted under: a realm, and what its account is named by there. */
export type AccountName =
  | readonly ["PLATFORM", email: string]
  /** One in all tenants: the password is the same. */
  | readonly ["TENANT", email: string]
  | readonly ["INVITATION", id: string]
  /** One for asking, whatever the tenant: they all send to one mailbox. And one for each link. */
  | readonly ["PASSWORD_RESET", emailOrId: string];

/** The key of an account, whether there is one or not; tells nothing of what was typed. */
export const accountKey = (name: AccountName): string => hashed(["ACCOUNT", ...name]);

/** The key of an account at an address that it has signed in from. */
export const placeKey = (name: AccountName, address: string): string =>
  hashed(["PLACE", ...name, networkOf(address)]);

/** The key of an address: one IPv4 address, or the /64 network that one IPv6 subscriber has. */
export const addressKey = (address: string): string => hashed(["ADDRESS", networkOf(address)]);

const hashed = (name: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(name)).digest("base64url");

/** Answers an IPv4 address as it is, also out of IPv6's form for it, and an IPv6 address as its /64. */
export function networkOf(address: string): string {
  const [bare = ""] = address.split("%", 1);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(bare)) return bare;
  // URLs spell an address in one way: RFC 5952.
  const [head = "", tail] = new URL(`http://[${bare}]`).hostname.slice(1, -1).split("::");
  const left = head.split(":").filter(Boolean);
  const right = tail?.split(":").filter(Boolean) ?? [];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return `${[...left, ...zeros, ...right].slice(0, 4).join(":")}::/64`;
}
