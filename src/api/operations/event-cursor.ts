import { DomainError } from "../../kernel/domain-error.ts";
import { isId } from "../../kernel/ids.ts";

/** An operation's id and the sequence of one of its events. */
export interface EventPosition {
  readonly operationId: string;
  readonly sequence: number;
}

/** The opaque place of an event in its operation's journal. */
export const encodeEventCursor = ({ operationId, sequence }: EventPosition): string =>
  Buffer.from(`${operationId}:${sequence}`).toString("base64url");

/**
 * Answers the sequence that a cursor stands for, 0 without a cursor.
 *
 * @param newest the operation's newest sequence: a cursor beyond it was never handed out
 * @throws DomainError E_INVALID_CURSOR for anything that is no cursor of this operation
 */
export function sequenceOf(
  cursor: string | null | undefined,
  { id, lastSequence: newest }: { readonly id: string; readonly lastSequence: number },
): number {
  if (cursor === null || cursor === undefined) return 0;
  const [operationId, digits, ...rest] = Buffer.from(cursor, "base64url").toString().split(":");
  const sequence = /^\d{1,9}$/.test(digits ?? "") ? Number(digits) : -1;
  const sound = operationId !== undefined && isId(operationId) && rest.length === 0;
  if (!sound || operationId !== id || sequence < 1 || sequence > newest) {
    throw new DomainError("E_INVALID_CURSOR");
  }
  return sequence;
}
