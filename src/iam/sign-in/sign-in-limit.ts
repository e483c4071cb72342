import type { EntityManager } from "@mikro-orm/postgresql";
import pLimit from "p-limit";
import { record } from "../../audit/record.ts";
import { BoundedCounts } from "../../kernel/bounded-counts.ts";
import type { Clock } from "../../kernel/clock.ts";
import { isDomainError, RateLimitedError } from "../../kernel/domain-error.ts";
import { isEmail } from "../users/email.ts";
import { countFailure, countsOf, forgetCounts, tellOnce } from "./sign-in-counts.ts";
import { isKnownPlace, placesOf, rememberPlace } from "./sign-in-places.ts";
import {
  ACCOUNT_POLICY,
  type AccountName,
  ADDRESS_POLICY,
  accountKey,
  addressKey,
  placeKey,
  waitAfter,
} from "./sign-in-policy.ts";

interface LimitPorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly clock: Clock;
}

/** Who tries to sign in: to which account, from where. */
export interface Attempt {
  readonly account: AccountName;
  /** Null where there is no network in between: then only the account is limited. */
  readonly address: string | null;
  /** The account whose sign-ins make a network known, where it is another one. */
  readonly signsInAs?: AccountName;
}

// Fewer than the failures that an account has free: that many good sign-ins to one account at the
// same moment do not stand in each other's way, though each counts until it has succeeded.
const AT_ONCE = 4;
const MOST_WAITING = 200;

/** Strangers, however many, stand in a line of their own: networks where an account is known pass them by. */
const lines = { known: pLimit(AT_ONCE), strangers: pLimit(AT_ONCE) };
/** Whoever has as many in line as an address may fail waits for what becomes of them. */
const strangersAt = new BoundedCounts(ADDRESS_POLICY.free);

/**
 * Tries credentials, unless the account or the address has to wait: then not even the right ones are
 * looked at. A try counts for its account from before its beginning until it has succeeded, so that
 * tries at the same moment are no more than tries one after another; it counts for the address when it
 * has failed. Success clears the account's count and leaves the address's.
 *
 * At a network that the account has signed in from lately it is counted by itself: whoever fails
 * elsewhere, on purpose, keeps nobody out there.
 *
 * @param work looks at the credentials; throws a DomainError when, and only when, they are wrong
 * @returns what `work` answers
 * @throws RateLimitedError while there is a wait, and when too many tries stand in line in this process
 */
export async function limitAttempts<T>(
  ports: LimitPorts,
  attempt: Attempt,
  work: () => Promise<T>,
): Promise<T> {
  const counted = await countedUnder(ports, attempt);
  // Before the line: who has to wait takes no place in it.
  await refuseWaiting(ports, attempt, counted.key);
  return await inLine(attempt, counted, async () => {
    await claim(ports, attempt, counted.key);
    const answer = await work().catch(async (error: unknown) => {
      if (isDomainError(error)) await countAddress(ports, attempt);
      throw error;
    });
    await forgetCounts(ports.em.fork(), [counted.key]);
    await remember(ports, attempt);
    return answer;
  });
}

async function inLine<T>(
  { address }: Attempt,
  { known }: Counted,
  work: () => Promise<T>,
): Promise<T> {
  const line = known ? lines.known : lines.strangers;
  const bounded = !known && address !== null;
  const leave = bounded ? strangersAt.take(addressKey(address)) : () => {};
  try {
    if (leave === null || line.pendingCount >= MOST_WAITING) throw new RateLimitedError(1);
    return await line(work);
  } finally {
    leave?.();
  }
}

/**
 * Counts what nobody can get wrong, such as asking for a mail: for its account and for its address.
 *
 * @throws RateLimitedError while there is a wait
 */
export async function limitRequests(ports: LimitPorts, attempt: Attempt): Promise<void> {
  await claim(ports, attempt, (await countedUnder(ports, attempt)).key);
  await countAddress(ports, attempt);
}

/** Forgets the failures of an account, wherever they were made: it can sign in at once then. */
export const clearAccount = async (em: EntityManager, account: AccountName): Promise<void> =>
  await forgetCounts(em, [accountKey(account), ...(await placesOf(em, account))]);

/** Counts the try as a failure of the account before it is made; refuses it while there is a wait. */
async function claim(ports: LimitPorts, attempt: Attempt, key: string): Promise<void> {
  for (;;) {
    const now = ports.clock();
    const counts = await refuseWaiting(ports, attempt, key);
    // Somebody else may have counted or cleared meanwhile: then look again.
    const seen = counts.get(key) ?? null;
    const em = ports.em.fork();
    if (await countFailure(em, { key, policy: ACCOUNT_POLICY, now, seen })) return;
  }
}

/** Refuses a try whose address or account has to wait; answers the counts of both. */
async function refuseWaiting(ports: LimitPorts, attempt: Attempt, account: string) {
  const address = attempt.address === null ? null : addressKey(attempt.address);
  const keys = address === null ? [account] : [account, address];
  const counts = await countsOf(ports.em.fork(), keys);
  for (const [key, by, policy] of [
    [address, "ADDRESS", ADDRESS_POLICY],
    [account, "ACCOUNT", ACCOUNT_POLICY],
  ] as const) {
    const count = counts.get(key ?? "");
    const wait = count === undefined ? 0 : waitAfter(policy, count, ports.clock());
    if (count !== undefined && wait > 0) await refuse(ports, attempt, { by, count, wait });
  }
  return counts;
}

interface Counted {
  /** The key of the account, or that of the account at a place where it is known. */
  readonly key: string;
  readonly known: boolean;
}

async function countedUnder(
  { em, clock }: LimitPorts,
  { account, address, signsInAs = account }: Attempt,
): Promise<Counted> {
  const known =
    address !== null && (await isKnownPlace(em.fork(), placeKey(signsInAs, address), clock()));
  return { key: known ? placeKey(account, address) : accountKey(account), known };
}

async function remember({ em, clock }: LimitPorts, { account, address }: Attempt): Promise<void> {
  if (address !== null) await rememberPlace(em.fork(), { account, address }, clock());
}

async function countAddress({ em, clock }: LimitPorts, { address }: Attempt): Promise<void> {
  if (address === null) return;
  const now = clock();
  await countFailure(em.fork(), { key: addressKey(address), policy: ADDRESS_POLICY, now });
}

interface Refusal {
  readonly by: "ACCOUNT" | "ADDRESS";
  readonly count: { readonly key: string; readonly failures: number; readonly lastFailureAt: Date };
  /** In milliseconds. */
  readonly wait: number;
}

/** Refuses; the audit trail tells of the first refusal of each wait. */
async function refuse(
  ports: LimitPorts,
  { account, address }: Attempt,
  { by, count, wait }: Refusal,
): Promise<never> {
  const [realm] = account;
  const typed = account.at(-1) ?? "";
  const email = isEmail(typed) ? typed : null;
  const retryAfterSeconds = Math.ceil(wait / 1000);
  await ports.em.fork().transactional(async (em) => {
    if (!(await tellOnce(em, count))) return;
    const actor = {
      kind: "ANONYMOUS",
      id: "anonymous",
      name: email ?? "unknown",
      address,
    } as const;
    const { failures } = count;
    record(em, actor, {
      type: "SIGN_IN_LIMITED",
      detail: { realm, email, by, failures, retryAfterSeconds },
    });
  });
  throw new RateLimitedError(retryAfterSeconds);
}
