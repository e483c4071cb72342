import type { EntityManager } from "@mikro-orm/postgresql";
import { DomainError } from "../kernel/domain-error.ts";
import type { ErrorCode } from "../kernel/error-codes.ts";
import type { AuditEvent } from "./events.ts";
import { type AuditActor, record } from "./record.ts";

/** A fact about a refusal; how often it happened is counted when it is told. */
type Refused = Extract<AuditEvent, { detail: { times: number } }>;
type RefusedFact<Fact = Refused> = Fact extends Refused
  ? Omit<Fact, "detail"> & { readonly detail: Omit<Fact["detail"], "times"> }
  : never;

interface RefusalOptions {
  readonly actor: AuditActor;
  readonly fact: RefusedFact;
  /** Public text. */
  readonly message: string;
  /** The next thing to do, where the code's own is not right. */
  readonly nextAction?: string;
}

/**
 * An expected failure of which the audit trail tells. It is thrown inside a transaction that will be
 * rolled back, and so told behind it: by `auditRefusals`.
 */
export class AuditedRefusal extends DomainError {
  readonly actor: AuditActor;
  readonly fact: RefusedFact;
  #told = false;

  constructor(code: ErrorCode, { actor, fact, ...told }: RefusalOptions) {
    super(code, { ...told, detail: { actor: actor.id, ...fact.detail } });
    this.actor = actor;
    this.fact = fact;
  }

  /** Whether nobody has told it before; then the caller has to. */
  claim(): boolean {
    const first = !this.#told;
    this.#told = true;
    return first;
  }
}

/**
 * Does something; a refusal of consequence is told to the audit trail, once, and thrown on.
 *
 * @param em forked for what is told
 */
export async function auditRefusals<T>(em: EntityManager, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AuditedRefusal) await tellRefusal(em, error);
    throw error;
  }
}

/**
 * Tells the audit trail of a refusal, unless that was done before: of the 1st, 10th, 100th … of one
 * kind that an actor meets within a minute, so that nobody fills the trail by asking in a loop.
 *
 * @param em forked for what is told
 */
export async function tellRefusal(em: EntityManager, refusal: AuditedRefusal): Promise<void> {
  if (!refusal.claim()) return;
  const { actor, fact } = refusal;
  await em.fork().transactional(async (tx) => {
    const times = await countRefusal(tx, refusal);
    if (!/^10*$/.test(String(times))) return;
    record(tx, actor, { ...fact, detail: { ...fact.detail, times } } as AuditEvent);
    await forgetOld(tx);
  });
}

/** Counts in the database, where all processes count; answers how many there were in this minute. */
async function countRefusal(
  em: EntityManager,
  { actor, fact }: Pick<AuditedRefusal, "actor" | "fact">,
): Promise<number> {
  const subject = JSON.stringify([fact.type, fact.tenant?.slug ?? null, fact.detail]);
  const [row] = await em.execute<{ times: number }[]>(
    `insert into platform.refusal_count as kept (actor_kind, actor_id, subject) values (?, ?, ?)
     on conflict (actor_kind, actor_id, subject) do update set
       times = case when kept.since <= now() - interval '1 minute' then 1 else kept.times + 1 end,
       since = case when kept.since <= now() - interval '1 minute' then now() else kept.since end
     returning times`,
    [actor.kind, actor.id, subject],
  );
  return row?.times ?? 1;
}

async function forgetOld(em: EntityManager): Promise<void> {
  await em.execute(
    `delete from platform.refusal_count where (actor_kind, actor_id, subject) in (
       select actor_kind, actor_id, subject from platform.refusal_count
       where since < now() - interval '1 hour' limit 10 for update skip locked)`,
  );
}
