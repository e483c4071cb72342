import { once } from "../idempotency/once.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { ErrorCode } from "../kernel/error-codes.ts";
import { fieldFault } from "../kernel/input.ts";
import type { Platform } from "../platform.ts";
import { actorOf } from "./caller.ts";
import type { ApiContext } from "./context.ts";

export const IDEMPOTENCY_KEY =
  "Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same.";

export const REPLAYED =
  "Whether an earlier request with the same `idempotencyKey` had done it already.";

/** How the payload of a mutation is answered again to whoever sends its idempotency key again. */
export interface Replay<Payload> {
  /** What is kept of it, encrypted: ids, and what cannot be read again, such as a token's value. */
  keep(payload: Payload): object;
  /** The payload, with what the ids name as it stands now. */
  // biome-ignore lint/suspicious/noExplicitAny: what `keep` has answered
  recall(kept: any, context: ApiContext): Promise<Payload>;
  /** Whether the mutation waits for something beside the platform database, such as a db server. */
  readonly slow?: boolean;
}

/** What a kept id names. Nothing that is kept is ever deleted from the platform database. */
export function recalled<Row>(row: Row | null | undefined, code: ErrorCode): Row {
  if (row) return row;
  throw new DomainError(code);
}

const MOST_CHARACTERS = 255;

/**
 * The idempotency key of a mutation: of its input, or of the request's header.
 *
 * @throws DomainError E_VALIDATION for one that is empty or too long, and where both say something else
 */
export function idempotencyKeyOf(
  given: unknown,
  { idempotencyKey: header }: Pick<ApiContext, "idempotencyKey">,
): string | null {
  const argument = typeof given === "string" ? given : null;
  const fault = (message: string) => fieldFault("idempotencyKey", message);
  if (argument !== null && header !== null && argument !== header)
    throw fault("is another key than the header Idempotency-Key has");
  const key = argument ?? header;
  if (key !== null && (key === "" || key.length > MOST_CHARACTERS))
    throw fault(`must have 1 to ${MOST_CHARACTERS} characters`);
  return key;
}

interface Keyed<Payload> extends Replay<Payload> {
  readonly mutation: string;
  readonly key: string;
  readonly input: unknown;
  act(context: ApiContext): Promise<Payload>;
}

/** Does what a mutation asks for once for each idempotency key of the caller, as `once` says. */
export async function answerOnce<Payload extends object>(
  context: ApiContext,
  { mutation, key, input, act, keep, slow = false, ...replay }: Keyed<Payload>,
): Promise<Payload & { readonly replayed: boolean }> {
  const { platform } = context;
  await platform.openKeys();
  const { orm, clock, credentials } = platform;
  const done = await once(
    { orm, clock, sealingKey: credentials.sealingKey("idempotency") },
    { actor: actorOf(context), mutation, key, input },
    {
      act: (joined) => act({ ...context, platform: { ...platform, ...joined } as Platform }),
      keep,
      slow,
    },
  );
  const payload = done.replayed ? await replay.recall(done.kept, context) : done.payload;
  return { ...payload, replayed: done.replayed };
}
