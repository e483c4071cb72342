import type { EntityManager } from "@mikro-orm/postgresql";
import { type SignInAttempt, SignInAttemptEntity } from "./sign-in-attempt.entity.ts";
import { type AttemptPolicy, LONGEST_MEMORY } from "./sign-in-policy.ts";

/** Answers the counts of some keys as they stand now; keys without failures are missing. */
export async function countsOf(
  em: EntityManager,
  keys: readonly string[],
): Promise<Map<string, SignInAttempt>> {
  const rows = await em.find(SignInAttemptEntity, { key: { $in: [...keys] } }, { refresh: true });
  return new Map(rows.map((row) => [row.key, row]));
}

interface Failure {
  readonly key: string;
  readonly policy: AttemptPolicy;
  readonly now: Date;
  /** Counts only while this is still the count, null for none; absent, it counts in any case. */
  readonly seen?: Pick<SignInAttempt, "failures" | "lastFailureAt"> | null;
}

/**
 * Counts a failure in one statement, in a new window where the old one has passed. Each new row takes
 * up to ten away that no policy remembers, so that the table holds no more than the last day brought.
 *
 * @returns whether it was counted: not when the count is no longer what was `seen`
 */
export async function countFailure(
  em: EntityManager,
  { key, policy, now, seen }: Failure,
): Promise<boolean> {
  const windowBegan = new Date(now.getTime() - policy.window);
  const forgotten = new Date(now.getTime() - LONGEST_MEMORY);
  const unchanged = seen === undefined ? "true" : "kept.failures = ? and kept.last_failure_at = ?";
  const rows = await em.execute<{ key: string; failures: number }[]>(
    `insert into platform.sign_in_attempt as kept (key, failures, since, last_failure_at)
     values (?, 1, ?, ?)
     on conflict (key) do update set
       failures = case when kept.since <= ? then 1 else kept.failures + 1 end,
       since = case when kept.since <= ? then excluded.since else kept.since end,
       last_failure_at = excluded.last_failure_at,
       refusal_told = false
     where ${unchanged}
     returning failures`,
    [
      ...[key, now, now, windowBegan, windowBegan],
      ...(seen === undefined ? [] : [seen?.failures ?? 0, seen?.lastFailureAt ?? now]),
    ],
  );
  if (rows[0]?.failures === 1) await sweep(em, forgotten);
  return rows.length === 1;
}

/** Forgets what was counted under some keys. */
export async function forgetCounts(em: EntityManager, keys: readonly string[]): Promise<void> {
  await em.nativeDelete(SignInAttemptEntity, { key: { $in: [...keys] } });
}

/** Marks the present wait as told; answers whether it was not yet. */
export async function tellOnce(
  em: EntityManager,
  { key, failures, lastFailureAt }: Pick<SignInAttempt, "key" | "failures" | "lastFailureAt">,
): Promise<boolean> {
  const untold = { key, failures, lastFailureAt, refusalTold: false };
  return (await em.nativeUpdate(SignInAttemptEntity, untold, { refusalTold: true })) === 1;
}

async function sweep(em: EntityManager, before: Date): Promise<void> {
  await em.execute(
    `delete from platform.sign_in_attempt where key in (
       select key from platform.sign_in_attempt where last_failure_at < ?
       order by last_failure_at limit 10 for update skip locked)`,
    [before],
  );
}
