import { type Logger, pino } from "pino";
import { DomainError } from "../kernel/domain-error.ts";
import { redactText } from "../kernel/redact.ts";
import { prettyLine } from "./pretty-line.ts";

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

/**
 * An error as it may be logged: class, code, text and stack without credentials; never a request's body.
 * What was expected, and what a server or the system said behind it, is told without a stack.
 */
function serializeError(error: unknown, behindExpected = false): unknown {
  if (!(error instanceof Error)) return redactText(String(error));
  const { code, detail, cause } = error as Error & { code?: unknown; detail?: unknown };
  const migration = error instanceof DomainError ? error.migration : null;
  const expected = error instanceof DomainError || (behindExpected && code !== undefined);
  return {
    type: error.name,
    code,
    message: redactText(error.message),
    ...(expected ? {} : { stack: redactText(error.stack ?? "") }),
    // A domain error's detail is made for logs; PostgreSQL's may quote row values, so it stays out.
    ...(typeof detail === "object" && detail !== null ? { detail } : {}),
    ...(migration === null ? {} : { migration: { ...migration, detail: undefined } }),
    ...(cause === undefined ? {} : { cause: serializeError(cause, expected) }),
  };
}

/**
 * Opens the log: lines to standard error, so that a command's output stays clean. JSON, or for people.
 * Fields that are named like secrets are blanked, and URLs lose their credentials.
 */
export function openLogger(
  level: string,
  format: "json" | "pretty" = "json",
  lines: { write(line: string): unknown } = pino.destination({ dest: 2, sync: true }),
): Logger {
  const rows = ["error.migration.detail", "*.error.migration.detail"];
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  return pino(
    {
      level,
      base: null,
      redact: { paths: [...paths, ...rows], censor: "***" },
      serializers: { err: (error: unknown) => serializeError(error) },
    },
    format === "json" ? lines : { write: (line: string) => void lines.write(prettyLine(line)) },
  );
}
