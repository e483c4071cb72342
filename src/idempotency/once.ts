import { setTimeout as delay } from "node:timers/promises";
import { type JoinedOrm, joined } from "../database/joined.ts";
import { trySerialise } from "../database/locks.ts";
import type { EntityManager, Orm } from "../database/orm.ts";
import type { Actor } from "../iam/actor.ts";
import type { Clock } from "../kernel/clock.ts";
import { DomainError, isDomainError } from "../kernel/domain-error.ts";
import type { ErrorCode } from "../kernel/error-codes.ts";
import { hashRequest, KEY_LIFETIME } from "../kernel/idempotency-key.ts";
import { IdempotencyKeyEntity } from "./idempotency-key.entity.ts";
import { type KeptAnswer, openAnswer, refusalOf, sealAnswer } from "./kept-answer.ts";

export interface OncePorts {
  readonly orm: Pick<Orm, "em">;
  readonly clock: Clock;
  /** What kept answers are encrypted with: 32 bytes. */
  readonly sealingKey: Buffer;
}

/** A request that was sent with a key: who sent it, and what it asks for. */
export interface KeyedRequest {
  readonly actor: Pick<Actor, "kind" | "id">;
  readonly mutation: string;
  readonly key: string;
  readonly input: unknown;
}

export interface KeyedWork<Payload> {
  /** Does what is asked for. All that it writes through `orm` commits with the answer, or not at all. */
  act(orm: JoinedOrm): Promise<Payload>;
  /** What is kept of the payload, as plain JSON. */
  keep(payload: Payload): unknown;
  /** Whether it waits for something beside the platform database, such as a db server. */
  readonly slow?: boolean;
}

/** What a request came to: now, or when the key was used first. */
export type Done<Payload> =
  | { readonly replayed: false; readonly payload: Payload }
  | { readonly replayed: true; readonly kept: unknown };

/** How long a request waits for an earlier one with its key. */
const WAIT_MS = 20_000;
/** It looks again after 50 ms, 100 ms … half a second. */
const LOOK_AFTER_MS = 50;
const LOOK_AT_THE_LATEST_MS = 500;
/** For work that waits for others; everything else has the 10 seconds of the ORM's connections. */
const SLOW_MS = 60_000;

/**
 * Does what is asked for once for each key of an actor and mutation, and answers the same to whoever sends
 * the key again within 30 days. The effect, the key and the answer are one transaction: a process that dies
 * leaves none of them, and nobody else has to tell whether it still works. Final refusals are kept as well;
 * what may succeed later, or was refused before anything was looked at, is not.
 *
 * A request that meets its key while the first one works waits for it without a connection.
 *
 * @throws DomainError E_IDEMPOTENCY_KEY_REUSED for another input; E_UNAVAILABLE where the first one takes
 *   longer than 20 seconds; what `act` refuses with, now or when the key was used first
 */
export async function once<Payload>(
  ports: OncePorts,
  request: KeyedRequest,
  work: KeyedWork<Payload>,
): Promise<Done<Payload>> {
  const until = performance.now() + WAIT_MS;
  for (let looks = 1; ; looks += 1) {
    const done = await attempt(ports, request, work);
    if (done instanceof DomainError) throw done;
    if (done !== null) return done;
    if (performance.now() > until) break;
    await delay(Math.min(looks * LOOK_AFTER_MS, LOOK_AT_THE_LATEST_MS));
  }
  throw new DomainError("E_UNAVAILABLE", {
    message: "An earlier request with this idempotency key has not ended",
  });
}

/** Answers null where another request with the key is at work. A refusal is an answer: what it wrote commits. */
async function attempt<Payload>(
  ports: OncePorts,
  request: KeyedRequest,
  work: KeyedWork<Payload>,
): Promise<Done<Payload> | DomainError | null> {
  return await ports.orm.em.fork().transactional(async (transaction) => {
    const tx = transaction as EntityManager;
    if (!(await trySerialise(tx, `idempotency-key:${nameOf(request)}`))) return null;
    const earlier = await find(ports, tx, request);
    if (earlier !== null) return replay(earlier, request);
    if (work.slow) await tx.execute(`set local idle_in_transaction_session_timeout = ${SLOW_MS}`);
    try {
      const payload = await work.act(joined(tx));
      await keep(ports, tx, request, { payload: work.keep(payload) });
      return { replayed: false, payload };
    } catch (error) {
      if (!isDomainError(error)) throw error;
      if (isKept(error)) await keep(ports, tx, request, { refusal: refusalOf(error) });
      return error;
    }
  });
}

/** Refused before anything was looked at: the caller mends the request and sends it with the same key. */
const NOT_KEPT: readonly ErrorCode[] = ["E_VALIDATION", "E_UNAUTHENTICATED", "E_FORBIDDEN"];

const isKept = ({ code, retryable }: DomainError): boolean =>
  !retryable && !NOT_KEPT.includes(code);

function replay(
  { request: hash, payload, refusal }: KeptAnswer,
  { input }: KeyedRequest,
): Done<never> | DomainError {
  if (hash !== hashRequest(input)) return new DomainError("E_IDEMPOTENCY_KEY_REUSED");
  return refusal ? new DomainError(refusal.code, refusal) : { replayed: true, kept: payload };
}

async function find(
  { clock, sealingKey }: OncePorts,
  em: EntityManager,
  request: KeyedRequest,
): Promise<KeptAnswer | null> {
  const since = new Date(clock().getTime() - KEY_LIFETIME);
  const row = await em.findOne(IdempotencyKeyEntity, {
    ...ownerOf(request),
    madeAt: { $gt: since },
  });
  return row && openAnswer(sealingKey, nameOf(request), row);
}

async function keep(
  { clock, sealingKey }: OncePorts,
  em: EntityManager,
  request: KeyedRequest,
  answer: Omit<KeptAnswer, "request">,
): Promise<void> {
  const madeAt = clock();
  const kept = { request: hashRequest(request.input), ...answer };
  const sealed = sealAnswer(sealingKey, nameOf(request), kept);
  await em.upsert(IdempotencyKeyEntity, { ...ownerOf(request), ...sealed, madeAt });
  await sweep(em, new Date(madeAt.getTime() - KEY_LIFETIME));
}

/** Each new key takes up to ten away that are over, so that the table holds what the last 30 days brought. */
async function sweep(em: EntityManager, before: Date): Promise<void> {
  await em.execute(
    `delete from platform.idempotency_key where (actor_kind, actor_id, mutation, key) in (
       select actor_kind, actor_id, mutation, key from platform.idempotency_key where made_at <= ?
       order by made_at limit 10 for update skip locked)`,
    [before],
  );
}

const ownerOf = ({ actor, mutation, key }: KeyedRequest) => ({
  actorKind: actor.kind,
  actorId: actor.id,
  mutation,
  key,
});

/** Names a key in one text: its owner, what it is for, and itself. */
const nameOf = (request: KeyedRequest): string => JSON.stringify(ownerOf(request));
