import { type Config, ConfigError } from "../../config.ts";
import { UnfitPlatform } from "../../database/unfit-platform.ts";
import { DomainError, type MigrationFault } from "../../kernel/domain-error.ts";
import { ERROR_CODES } from "../../kernel/error-codes.ts";
import { newSecret } from "../../kernel/ids.ts";
import { redactText } from "../../kernel/redact.ts";
import type { OperationError } from "../../operations/engine/operation.entity.ts";
import { flagOf, inCommandWords } from "./command-words.ts";
import { EXIT, PlainFailure, UsageError } from "./exit-codes.ts";
import type { Output } from "./output.ts";

interface ReportOptions {
  readonly json: boolean;
  /** Absent where the configuration could not be read. */
  readonly logLevel?: Config["logLevel"];
}

/** Tells a failure to whoever ran the command, and answers the exit code for it. */
export async function reportError(
  out: Output,
  error: unknown,
  options: ReportOptions,
): Promise<number> {
  if (error instanceof UsageError || error instanceof ConfigError) {
    out.note(error.message);
    return EXIT.usage;
  }
  if (error instanceof PlainFailure || error instanceof UnfitPlatform) {
    out.note(`${out.style("red", "✘")} ${error.message}`);
    if (options.json) out.json({ type: "ERROR", error: { ...NO_CODE, message: error.message } });
    return EXIT.failed;
  }
  if (error instanceof DomainError) {
    if (options.json) out.json({ type: "ERROR", error: publicError(error) });
    else out.note(describeRefusal(out, error));
    return EXIT.failed;
  }
  const errorId = newSecret(6);
  const message = redactText(messageOf(error)).trim();
  const { openLogger } = await import("../../observability/logger.ts");
  openLogger(options.logLevel ?? "warn").debug({ err: error, errorId }, "command failed");
  const hint = options.logLevel === "debug" ? "" : "; LOG_LEVEL=debug shows more";
  out.note(`✘ ${message} (error ${errorId}${hint})`);
  if (options.json)
    out.json({ type: "ERROR", error: { code: "E_INTERNAL", message, errorId, issues: [] } });
  return EXIT.failed;
}

/** An error in words; several at once (a host with several addresses) have no message of their own. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [first] = error instanceof AggregateError ? error.errors : [];
  return error.message || (first === undefined ? error.name : messageOf(first));
}

/** What only the command refuses has none of the API's codes; the message is all there is. */
const NO_CODE = {
  code: null,
  retryable: false,
  nextAction: null,
  issues: [],
  migration: null,
  operationId: null,
};

/** A refusal as scripts read it. */
export const publicError = (error: DomainError) => {
  const { code, message, retryable, issues, migration } = error;
  const nextAction = inCommandWords(error.nextAction);
  const operationId = operationIn(error);
  return { code, message, retryable, nextAction, issues, migration, operationId };
};

/** The operation that a refusal is about: the one that is running already. */
const operationIn = ({ code, detail }: DomainError): string | null =>
  code === "E_OPERATION_IN_PROGRESS" ? String(detail.operationId) : null;

/** A refusal in words: code, message, every faulty field, and what to do next. */
export function describeRefusal(out: Output, error: DomainError): string {
  // The message of faulty fields is their list, which follows anyway.
  const listed = error.issues.some((issue) => error.message.includes(issue.message));
  const text = listed ? ERROR_CODES[error.code].text : error.message;
  const fields = error.issues.map(
    ({ path: [field = "", ...rest], message }) =>
      `    ${[flagOf(field), ...rest].join(".")}: ${message}`,
  );
  const running = operationIn(error);
  return [
    `${out.style("red", "✘")} ${out.style("bold", error.code)}: ${text}`,
    ...fields,
    ...placeLines(error.migration),
    `  Next: ${inCommandWords(error.nextAction)}`,
    ...(running === null ? [] : [`  See: tenantry operation watch ${running}`]),
  ].join("\n");
}

/** What is known of a file beside its place, which the message has. */
function placeLines(fault: MigrationFault | null | undefined): string[] {
  const { statement, detail, hint } = fault ?? {};
  const lines = { Statement: statement, Detail: detail, Hint: hint };
  return Object.entries(lines).flatMap(([title, text]) => (text ? [`  ${title}: ${text}`] : []));
}

/** What an operation or a phase failed with, as scripts read it: also what earlier versions have stored. */
export const operationError = (error: OperationError | null) =>
  error && {
    ...error,
    migration: error.migration ?? null,
    nextAction: inCommandWords(error.nextAction ?? ERROR_CODES[error.code].nextAction),
  };

/** The failure that an operation ended with, in words. */
export function describeFailure(out: Output, error: OperationError): string {
  const where = error.phase === null ? "" : ` (in ${error.phase})`;
  return [
    `${out.style("red", "✘")} ${out.style("bold", error.code)}${where}: ${error.message}`,
    ...placeLines(error.migration),
    `  Next: ${operationError(error)?.nextAction}`,
  ].join("\n");
}
