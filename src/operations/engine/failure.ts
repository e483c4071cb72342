import {
  codeOf,
  faultOf,
  faultOrRefusalOf,
  PLATFORM,
  partOf,
  withWhatWasSaid,
} from "../../database/faults.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import { ERROR_CODES } from "../../kernel/error-codes.ts";
import type { OperationError } from "./operation.entity.ts";

/** How often a step was tried, and since when, in milliseconds. */
export interface Tried {
  readonly attempts: number;
  readonly forMs: number;
}

/**
 * Turns what a phase threw into what may be shown of it: a fault of PostgreSQL, of a pool, a socket or
 * a name with the part that it happened to and what was said. The text of any other unexpected error
 * stays out: it may hold what no caller should see; the log has it under the operation's id.
 */
export function describeFailure(
  error: unknown,
  phase: string | null,
  tried?: Tried,
): OperationError {
  if (isDomainError(error)) {
    const { code, retryable, nextAction, migration } = error;
    const message = withTried(error.message, tried);
    return { code, message, phase, retryable, nextAction, ...(migration && { migration }) };
  }
  const part = partOf(error);
  // On the platform database a refusal that is not in the table is a fault of this program's own statements.
  const fault = part === PLATFORM ? faultOf(error) : faultOrRefusalOf(error);
  if (fault === undefined)
    return { code: "E_INTERNAL", message: ERROR_CODES.E_INTERNAL.text, phase, retryable: true };
  const message = `${part}: ${withWhatWasSaid(fault)}`;
  const { remedy: nextAction } = fault;
  return {
    code: codeOf(fault),
    message: withTried(message, tried),
    phase,
    retryable: true,
    nextAction,
  };
}

const withTried = (message: string, tried: Tried | undefined): string =>
  tried === undefined || tried.attempts < 2
    ? message
    : `${message.replace(/\.$/, "")}; tried ${tried.attempts} times within ${Math.round(tried.forMs / 1000)} s`;

/** The error of an operation that somebody cancelled. */
export const cancelled = (phase: string | null): OperationError => ({
  code: "E_CANCELLED",
  message: ERROR_CODES.E_CANCELLED.text,
  phase,
  retryable: true,
});
