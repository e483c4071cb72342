import type { EntityManager } from "@mikro-orm/postgresql";
import { record } from "../../audit/record.ts";
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
import { Slots } from "./slots.ts";

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
}

// Fewer than the failures that an account has free: that many good sign-ins to one account at the
// same moment do not stand in each other's way, though each counts until it has succeeded.
const tries = new Slots(4);
const MOST_WAITING = 200;

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
  if (tries.waiting >= MOST_WAITING) throw new RateLimitedError(1);
  return await tries.run(async () => {
    const counted = await claim(ports, attempt);
    const answer = await work().catch(async (error: unknown) => {
      if (isDomainError(error)) await countAddress(ports, attempt);
      throw error;
    });
    await forgetCounts(ports.em.fork(), [counted]);
    await remember(ports, attempt);
    return answer;
  });
}

/**
 * Counts what nobody can get wrong, such as asking for a mail: for its account and for its address.
 *
 * @throws RateLimitedError while there is a wait
 */
export async function limitRequests(ports: LimitPorts, attempt: Attempt): Promise<void> {
  await claim(ports, attempt);
  await countAddress(ports, attempt);
}

/** Forgets the failures of an account, wherever they were made: it can sign in at once then. */
export const clearAccount = async (em: EntityManager, account: AccountName): Promise<void> =>
  await forgetCounts(em, [accountKey(account), ...(await placesOf(em, account))]);

/**
 * Counts the try as a failure of the account before it is made; refuses it while there is a wait.
 *
 * @returns the key that it was counted under
 */
async function claim(ports: LimitPorts, attempt: Attempt): Promise<string> {
  const account = await accountAt(ports, attempt);
  const address = attempt.address === null ? null : addressKey(attempt.address);
  const em = ports.em.fork();
  for (;;) {
    const now = ports.clock();
    const counts = await countsOf(em, address === null ? [account] : [account, address]);
    for (const [key, by, policy] of [
      [address, "ADDRESS", ADDRESS_POLICY],
      [account, "ACCOUNT", ACCOUNT_POLICY],
    ] as const) {
      const count = counts.get(key ?? "");
      const wait = count === undefined ? 0 : waitAfter(policy, count, now);
      if (count !== undefined && wait > 0) await refuse(ports, attempt, { by, count, wait });
    }
    // Somebody else may have counted or cleared meanwhile: then look again.
    const seen = counts.get(account) ?? null;
    if (await countFailure(em, { key: account, policy: ACCOUNT_POLICY, now, seen })) {
      return account;
    }
  }
}

/** The key of the account, or that of the account at a place where it is known. */
async function accountAt({ em, clock }: LimitPorts, { account, address }: Attempt) {
  if (address === null) return accountKey(account);
  const place = placeKey(account, address);
  return (await isKnownPlace(em.fork(), place, clock())) ? place : accountKey(account);
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
