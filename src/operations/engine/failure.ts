import { isTransient } from "../../database/faults.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import { ERROR_CODES } from "../../kernel/error-codes.ts";
import type { OperationError } from "./operation.entity.ts";

/**
 * Turns what a phase threw into what may be told of it. The text of an unexpected error stays out:
 * it may hold what no caller should see; the log has it under the operation's id.
 */
export function describeFailure(error: unknown, phase: string | null): OperationError {
  if (isDomainError(error)) {
    const { code, message, retryable, nextAction } = error;
    return { code, message, phase, retryable, nextAction };
  }
  const code = isTransient(error) ? "E_UNAVAILABLE" : "E_INTERNAL";
  return { code, message: ERROR_CODES[code].text, phase, retryable: true };
}

/** The error of an operation that somebody cancelled. */
export const cancelled = (phase: string | null): OperationError => ({
  code: "E_CANCELLED",
  message: ERROR_CODES.E_CANCELLED.text,
  phase,
  retryable: true,
});
