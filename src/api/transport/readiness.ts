import { isDomainError } from "../../kernel/domain-error.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { Platform } from "../../platform.ts";

const WITHIN_MS = 3_000;
/** However often somebody asks: the database and above all the vault, which throttles, are asked this rarely. */
const EVERY_MS = 2_000;

/**
 * Tells whether the database takes writes and the secret store answers. Those who ask at once, and within 2 seconds of
 * an answer, share it.
 *
 * @returns the code of what does not; null where both do
 */
export function openReadiness(
  platform: Pick<Platform, "orm" | "secrets">,
): () => Promise<ErrorCode | null> {
  let known: { readonly answer: Promise<ErrorCode | null>; until: number } | null = null;
  return async () => {
    if (known === null || known.until < performance.now()) {
      const asked = { answer: ask(platform), until: Number.POSITIVE_INFINITY };
      known = asked;
      void asked.answer.finally(() => {
        asked.until = performance.now() + EVERY_MS;
      });
    }
    return await known.answer;
  };
}

async function ask({ orm, secrets }: Pick<Platform, "orm" | "secrets">): Promise<ErrorCode | null> {
  const checks = await Promise.all([
    fault(takesWrites(orm), "E_UNAVAILABLE"),
    fault(secrets.check(), "PROVISIONING_UNAVAILABLE"),
  ]);
  return checks.find((check) => check !== null) ?? null;
}

/** Fails where the database answers and takes no writes, as a standby does during a failover. */
async function takesWrites(orm: Platform["orm"]): Promise<void> {
  const [row] = await orm.em
    .fork()
    .execute<{ readOnly: boolean }[]>(
      `select current_setting('transaction_read_only')::boolean as "readOnly"`,
    );
  if (row?.readOnly !== false) throw new Error("the platform database takes no writes");
}

/** The code of what fails, or does not answer in time; null when it is well. */
async function fault(check: Promise<unknown>, code: ErrorCode): Promise<ErrorCode | null> {
  const { promise: late, resolve } = Promise.withResolvers<ErrorCode>();
  const timer = setTimeout(() => resolve(code), WITHIN_MS);
  try {
    return await Promise.race([check.then(() => null), late]);
  } catch (error) {
    return isDomainError(error, "PROVISIONING_UNAVAILABLE") ? "PROVISIONING_UNAVAILABLE" : code;
  } finally {
    clearTimeout(timer);
  }
}
