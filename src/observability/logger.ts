import { type Logger, pino } from "pino";
import { redactText } from "../kernel/redact.ts";

export type { Logger };

const SECRET_FIELDS = [
  "password",
  "token",
  "secret",
  "value",
  "authorization",
  "accessToken",
  "refreshToken",
  "url",
];

/** An error as it may be logged: class, code, text and stack without credentials; never a request's body. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return redactText(String(error));
  const { code, detail, cause } = error as Error & { code?: unknown; detail?: unknown };
  return {
    type: error.name,
    code,
    message: redactText(error.message),
    stack: redactText(error.stack ?? ""),
    // A domain error's detail is made for logs; PostgreSQL's may quote row values, so it stays out.
    ...(typeof detail === "object" && detail !== null ? { detail } : {}),
    ...(cause === undefined ? {} : { cause: serializeError(cause) }),
  };
}

/**
 * Opens the log: JSON lines to standard error, so that a command's output stays clean.
 * Fields that are named like secrets are blanked, and URLs lose their credentials.
 */
export function openLogger(level: string): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  return pino(
    { level, base: null, redact: { paths, censor: "***" }, serializers: { err: serializeError } },
    pino.destination({ dest: 2, sync: true }),
  );
}
