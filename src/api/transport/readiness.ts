import { isDomainError } from "../../kernel/domain-error.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { Platform } from "../../platform.ts";
import type { WorkerState } from "./liveness.ts";

const WITHIN_MS = 3_000;
/** However often somebody asks: the database and above all the vault, which throttles, are asked this rarely. */
const EVERY_MS = 2_000;

/** What keeps a process from being ready. */
export interface NotReady {
  readonly code: ErrorCode;
  readonly part: "process" | "platform database" | "secret store" | "worker";
  /** For people; nothing internal. */
  readonly message: string;
}

type Ports = Pick<Platform, "orm" | "secrets">;

/**
 * Tells whether the database takes writes, the secret store answers, and the process's worker works. Those
 * who ask at once, and within 2 seconds of an answer, share it.
 *
 * @returns the first that is not so; null where all are
 */
export function openReadiness(
  ports: Ports,
  worker: WorkerState | null = null,
): () => Promise<NotReady | null> {
  let known: { readonly answer: Promise<NotReady | null>; until: number } | null = null;
  return async () => {
    if (known === null || known.until < performance.now()) {
      const asked = { answer: ask(ports, worker), until: Number.POSITIVE_INFINITY };
      known = asked;
      void asked.answer.finally(() => {
        asked.until = performance.now() + EVERY_MS;
      });
    }
    return await known.answer;
  };
}

async function ask({ orm, secrets }: Ports, worker: WorkerState | null): Promise<NotReady | null> {
  const [database, store] = await Promise.all([
    fault(takesWrites(orm), "E_UNAVAILABLE"),
    fault(secrets.check(), "PROVISIONING_UNAVAILABLE"),
  ]);
  if (database !== null)
    return {
      code: database,
      part: "platform database",
      message: "It does not answer, or takes no writes.",
    };
  if (store !== null)
    return { code: store, part: "secret store", message: "It does not answer, or refuses." };
  const broken =
    worker?.broken() ?? (worker?.isStalled() ? "it does not look into its queue" : null);
  return broken === null ? null : { code: "E_UNAVAILABLE", part: "worker", message: broken };
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
