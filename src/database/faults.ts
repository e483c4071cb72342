import { isDomainError } from "../kernel/domain-error.ts";

const SQLSTATE = /^[0-9A-Z]{5}$/;

const SOCKET_FAULTS = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
]);

/** The error and what caused it, nearest first: drivers wrap one another's errors. */
function* causes(error: unknown): Generator<{ code?: unknown; message?: unknown }> {
  for (let depth = 0, at = error; depth < 10 && typeof at === "object" && at !== null; depth += 1) {
    yield at as { code?: unknown; message?: unknown };
    at = (at as { cause?: unknown }).cause;
  }
}

/** The SQLSTATE of a PostgreSQL error, however it is wrapped; undefined for anything else. */
export function sqlStateOf(error: unknown): string | undefined {
  for (const { code } of causes(error))
    if (typeof code === "string" && SQLSTATE.test(code)) return code;
  return undefined;
}

/**
 * Whether the connection to PostgreSQL was refused, lost or shut down: the statement may or may not
 * have taken effect. Classes 08 and 57P of PostgreSQL's error codes, 53300, and the socket's faults.
 */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined)
    return state.startsWith("08") || state.startsWith("57P") || state === "53300";
  for (const { code, message } of causes(error)) {
    if (typeof code === "string" && SOCKET_FAULTS.has(code)) return true;
    if (
      typeof message === "string" &&
      /^(Connection terminated|Client has encountered a connection error|timeout expired|Query read timeout)/.test(
        message,
      )
    )
      return true;
  }
  return false;
}

const PASSING_STATES = new Set(["40001", "40P01", "55P03", "55006", "53200", "53400"]);

/**
 * Whether the same work can succeed when it is tried again: lost connections, deadlocks, busy locks,
 * and domain errors that say so.
 */
export const isTransient = (error: unknown): boolean =>
  (isDomainError(error) && error.transient) ||
  isConnectionLoss(error) ||
  PASSING_STATES.has(sqlStateOf(error) ?? "");
