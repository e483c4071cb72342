import { randomUUID } from "node:crypto";
import { GraphQLError } from "graphql";
import { codeOf, faultOf, PLATFORM } from "../../database/faults.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import type { Logger } from "../../observability/logger.ts";
import { withoutSecretNames } from "../../secrets/naming.ts";
import { shortened } from "./few-errors.ts";

/** What HTTP says of a request that is refused as a whole. */
const HTTP: Partial<Record<ErrorCode, { status: number; headers?: Record<string, string> }>> = {
  E_UNAUTHENTICATED: {
    status: 401,
    headers: { "WWW-Authenticate": 'Bearer realm="tenantry", error="invalid_token"' },
  },
  E_FORBIDDEN: { status: 403 },
  E_QUERY_TOO_COMPLEX: { status: 400 },
  E_VALIDATION: { status: 400 },
  E_RATE_LIMITED: { status: 429 },
  E_UNAVAILABLE: { status: 503 },
  E_HISTORY_LOST: { status: 503 },
  E_DATABASE_REFUSED: { status: 503 },
};

/** Turns an error into what a caller may see of it. */
export type PublicErrorOf = (error: unknown) => GraphQLError;

/**
 * Makes the function that decides what callers see of an error: an expected one as it is, with its
 * code; any other as E_INTERNAL with an id, under which the log has the rest.
 */
export const publicErrors =
  (log: Logger): PublicErrorOf =>
  (error) => {
    const original = originalOf(error);
    if (original instanceof GraphQLError) {
      return shortened(error instanceof GraphQLError ? error : original);
    }
    if (original instanceof DomainError) return describe(original, error, {});
    const errorId = randomUUID();
    const fault = faultOf(original);
    const code = fault ? codeOf(fault) : "E_INTERNAL";
    log.error({ err: original, code, errorId, ...placeOf(error) }, "request failed unexpectedly");
    // What PostgreSQL said stays in the log: anybody can come upon a fault of the platform database.
    const told = fault && {
      message: `${PLATFORM}: ${fault.sentence}.`,
      nextAction: fault.remedy,
    };
    return describe(new DomainError(code, told), error, { errorId });
  };

function originalOf(error: unknown): unknown {
  for (let at = error; ; ) {
    if (!(at instanceof GraphQLError) || !at.originalError) return at;
    at = at.originalError;
  }
}

const placeOf = (error: unknown) =>
  error instanceof GraphQLError && error.path ? { path: error.path.join(".") } : {};

function describe(domain: DomainError, thrown: unknown, more: object): GraphQLError {
  const at = thrown instanceof GraphQLError ? thrown : undefined;
  // A field's error leaves the others' data intact: then the request as a whole was fine.
  const http = at?.path === undefined ? HTTP[domain.code] : undefined;
  // Whoever may not see names of secrets can come upon any error.
  return new GraphQLError(withoutSecretNames(domain.message), {
    ...(at?.nodes ? { nodes: at.nodes } : {}),
    ...(at?.path ? { path: at.path } : {}),
    extensions: {
      code: domain.code,
      retryable: domain.retryable,
      nextAction: domain.nextAction,
      ...(domain.issues.length > 0 ? { issues: domain.issues } : {}),
      ...(domain.migration ? { migration: domain.migration } : {}),
      ...more,
      ...(http ? { http } : {}),
    },
  });
}

/** The error as it goes over a socket: what it says to HTTP stays behind. */
export function withoutHttp(error: GraphQLError): ReturnType<GraphQLError["toJSON"]> {
  const { extensions, ...formatted } = error.toJSON();
  const { http: _http, ...rest } = extensions ?? {};
  return { ...formatted, ...(Object.keys(rest).length > 0 ? { extensions: rest } : {}) };
}
