import { isDomainError } from "../../src/kernel/domain-error.ts";
import { cancelOperation } from "../../src/operations/retry-and-cancel.ts";
import { arrange, begin } from "../kit/scenarios.ts";
import { OPERATOR } from "../kit/tenants.ts";
import type { Lane } from "./lane.ts";
import type { CrashOperation } from "./operations.ts";
import { until } from "./waiting.ts";

/** Makes the tenant that an operation begins on; the rescuer works meanwhile. */
export async function arrangeFor(
  { platform }: Lane,
  { act, isolation, byTimer }: CrashOperation,
  slug: string,
): Promise<void> {
  // A restoration begins where the end of a retention window does.
  const from = byTimer && act === "purgeTenant" ? "restoreTenant" : act;
  await arrange(platform, from, slug, { isolation });
}

/** Begins the operation and answers its id, also where a timer begins it. */
export async function beginOn(
  lane: Lane,
  operation: CrashOperation,
  slug: string,
): Promise<string> {
  const { act, isolation, byTimer } = operation;
  if (!byTimer) return (await begin(lane.platform, act, slug, isolation)).id;
  await lane.sql.query(
    `update platform.tenant set purge_after = case when purge_after is not null then now() end,
       retiring_until = case when retiring_until is not null then now() end where slug = $1`,
    [slug],
  );
  await lane.sql.query(
    `update dbos.workflow_status w set delay_until_epoch_ms = 0 from platform.operation o
     where w.name = 'timer' and o.subject_name = $1 and starts_with(w.workflow_uuid, o.id::text)`,
    [slug],
  );
  const { kind } = lane.platform.operations[act];
  return await until(`no ${kind} was begun by the timer`, async () => {
    const { rows } = await lane.sql.query<{ id: string }>(
      `select id from platform.operation where subject_name = $1 and kind = $2 order by id desc limit 1`,
      [slug, kind],
    );
    return rows[0]?.id ?? null;
  });
}

/** Cancels an operation when the phase of its entry has come, or when it is told to. */
export class Cancelling {
  readonly #platform: Lane["platform"];
  readonly #phase: string | undefined;
  readonly #begun = Promise.withResolvers<string>();
  #asked: Promise<unknown> | undefined;

  constructor({ platform }: Lane, { cancelIn }: CrashOperation) {
    this.#platform = platform;
    this.#phase = cancelIn;
  }

  begun(id: string): void {
    this.#begun.resolve(id);
  }

  readonly phaseSeen = (phase: string): void => {
    // Who waits for it hears of a failure.
    if (phase === this.#phase) this.now().catch(() => undefined);
  };

  async now(): Promise<void> {
    if (this.#phase === undefined) return;
    this.#asked ??= this.#begun.promise.then((id) => cancelOperation(this.#platform, OPERATOR, id));
    await this.#asked.catch((error: unknown) => {
      if (!isDomainError(error, "E_NOT_CANCELLABLE")) throw error;
    });
  }
}
