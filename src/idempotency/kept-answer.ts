import { DomainError } from "../kernel/domain-error.ts";
import type { Sealed } from "../secrets/cipher.ts";
import { seal, unseal } from "../secrets/cipher.ts";

/** What a request came to, as it is kept for its key. */
export interface KeptAnswer {
  /** Hash of what was asked. */
  readonly request: string;
  /** What the mutation keeps of its payload: plain JSON. */
  readonly payload?: unknown;
  /** Why there is no payload. */
  readonly refusal?: KeptRefusal;
}

type KeptRefusal = Pick<
  DomainError,
  "code" | "message" | "retryable" | "nextAction" | "issues" | "migration"
>;

/** @param context whose answer it is; must be given again to open it */
export const sealAnswer = (key: Buffer, context: string, answer: KeptAnswer): Sealed =>
  seal(key, context, JSON.stringify(answer));

/** @throws DomainError E_SECRET_STORE where the platform has another key by now */
export function openAnswer(key: Buffer, context: string, sealed: Sealed): KeptAnswer {
  const text = unseal(key, context, sealed);
  if (text !== null) return JSON.parse(text) as KeptAnswer;
  throw new DomainError("E_SECRET_STORE", {
    message: "The answer that was kept for this idempotency key cannot be decrypted any more",
    nextAction: "Look at what the first request did, then choose a new key.",
    retryable: false,
  });
}

/** A refusal as it is kept; the same error comes of it again. */
export const refusalOf = (error: DomainError): KeptRefusal => {
  const { code, message, retryable, nextAction, issues, migration } = error;
  return { code, message, retryable, nextAction, issues, migration };
};
