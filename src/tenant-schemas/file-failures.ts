import { isConnectionLoss, isTransient, sqlStateOf } from "../database/faults.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { redactText } from "../kernel/redact.ts";
import { excerptOf, linesBefore } from "../sql-files/sql-file.ts";
import { StepError } from "./multi-query.ts";

/** On a line of its own: the statement may end with a comment. */
export const tagOf = (index: number): string => `\n/* tenantry:${index} */`;
const TAG = /\n\/\* tenantry:(\d+) \*\//g;

/** A failed statement of a file, as a person can find it. */
interface Failure {
  readonly file: string;
  readonly line: number;
  readonly statement: string;
}

interface ServerError extends Error {
  readonly detail?: string;
  readonly hint?: string;
  readonly constraint?: string;
  readonly where?: string;
  readonly internalPosition?: string;
  readonly internalQuery?: string;
}

/** Where in its file a step failed, or undefined when it was no statement of a file that failed. */
function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof StepError)) return undefined;
  const cause = error.cause as ServerError;
  // The statement is the outermost query that the server names; a DO block may hold inner ones.
  const named = `${cause.internalQuery ?? ""}\n${cause.where ?? ""}`;
  const index = Number([...named.matchAll(TAG)].at(-1)?.[1] ?? 0);
  const origin = error.step?.origins?.[index];
  if (origin === undefined) return undefined;
  return {
    file: origin.file,
    line: origin.line + linesInto(origin.text, index, error, cause),
    statement: origin.written ?? origin.text,
  };
}

/**
 * Faults that pass elsewhere, but not for a file: its own order of statements ("has pending trigger
 * events", 55006), and more tables in one transaction than the server has locks for (53200).
 */
const FINAL_FOR_FILES = new Set(["55006", "53200"]);

/** Whether a failed statement of a file can succeed when nothing is mended. */
export const mayPass = (cause: unknown): boolean =>
  isTransient(cause) && !FINAL_FOR_FILES.has(sqlStateOf(cause) ?? "");

const ANOTHER_TIME =
  "Take the operation up with `retryOperation` when what it waited for has ended, or the server is less busy.";

type Code = "E_MIGRATIONS_FAILED" | "E_SEEDS_FAILED";

/**
 * What the caller sees of a failed script: the fault of a file's statement as a DomainError of `code` with
 * its place, transient where it may pass; a lost connection, and what is no statement's, as it came.
 *
 * @param more what there is to say beside what PostgreSQL said
 */
export function publicErrorOf(error: unknown, code: Code, more = ""): unknown {
  const cause = error instanceof StepError ? error.cause : error;
  const failure = failureOf(error);
  return failure === undefined || isConnectionLoss(cause)
    ? cause
    : fileError(code, failure, cause as Error, more);
}

/** The public form of a failure in a file; `more` is what there is to say beside what PostgreSQL said. */
export function fileError(
  code: Code,
  { file, line, statement }: Failure,
  cause: ServerError,
  more = "",
): DomainError {
  const sqlState = sqlStateOf(cause) ?? "XX000";
  const { detail, hint, constraint } = cause;
  const passes = mayPass(cause);
  // A statement that took too long may be fast enough another time, but not at once.
  const retryable = passes || sqlState === "57014";
  return new DomainError(code, {
    message: redactText(`${file} line ${line}: ${cause.message} (${sqlState})${more}`),
    migration: {
      file,
      line,
      sqlState,
      statement: excerptOf(redactText(statement)),
      detail: detail ?? null,
      hint: hint ?? null,
      constraint: constraint ?? null,
    },
    transient: passes,
    retryable,
    cause,
    ...(retryable ? { nextAction: ANOTHER_TIME } : {}),
  });
}

/** How many lines below the statement's first one the fault lies; 0 where the server does not say. */
function linesInto(text: string, index: number, error: StepError, cause: ServerError): number {
  const { internalPosition, internalQuery } = cause;
  if (internalPosition === undefined || internalQuery === undefined)
    return linesIntoBlock(text, cause);
  const query = internalQuery.replace(TAG, "");
  const inner = [...internalQuery].slice(0, Number(internalPosition) - 1).join("");
  const token = /"([^"]+)"/.exec(cause.message)?.[1] ?? "";
  // PostgreSQL seeks a faulty body of CREATE FUNCTION in what the client sent, and counts from there
  // (match_prosrc_to_query). Quoting a statement changes its columns, never its lines.
  const sent = [...(error.step?.sql ?? "")];
  const outer = Number(internalPosition) - 1 - error.offset;
  const isOuter = outer > 0 && sent.slice(outer).join("").startsWith(token);
  if (isOuter && !internalQuery.slice(inner.length).startsWith(token)) {
    const before = sent.slice(0, outer).join("");
    const begin = Math.max(0, before.lastIndexOf(tagOf(index - 1)) + 1);
    return linesBefore(before.slice(begin), before.length);
  }
  const at = text.indexOf(query);
  return at === -1 ? linesIntoBlock(text, cause) : linesBefore(text, at + inner.length);
}

/** The line of a DO block's own text that the context names, such as `inline_code_block line 3`. */
function linesIntoBlock(text: string, { where = "" }: ServerError): number {
  const line = [...where.matchAll(/inline_code_block\D+(\d+)/g)].at(-1)?.[1];
  const body = text.search(/\$\w*\$|'/);
  return line === undefined ? 0 : linesBefore(text, body) + Number(line) - 1;
}
