import { ERROR_CODES, type ErrorCode } from "./error-codes.ts";
import { redactText } from "./redact.ts";

/** One fault of one input field. */
export interface FieldIssue {
  /** The way to the field from the input's root, such as `["states", "0"]`. */
  readonly path: readonly string[];
  readonly message: string;
  readonly code: ErrorCode;
}

/** A place in a migration or seed file that failed or is refused, and what PostgreSQL said of it. */
export interface MigrationFault {
  /** The file, below its folder. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number | null;
  /** On one line, cut where it is long. */
  readonly statement: string | null;
  readonly sqlState: string | null;
  /** PostgreSQL's DETAIL, which may hold values of the tenant's rows. */
  readonly detail: string | null;
  readonly hint: string | null;
  /** The constraint that was violated. */
  readonly constraint: string | null;
}

interface DomainErrorOptions extends ErrorOptions {
  /** Public text; the code's own text where nothing more exact can be said. Never holds a secret. */
  readonly message?: string;
  /** For logs only; never shown to a caller, never holds a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** Every faulty field, for E_VALIDATION and its like. */
  readonly issues?: readonly FieldIssue[];
  /** The file of migrations or seeds that it is about; secrets are taken out of its texts. */
  readonly migration?: (Pick<MigrationFault, "file"> & Partial<MigrationFault>) | null;
  /**
   * The next thing to do in this case, where the code's own is not right. Mutations, queries and input
   * fields stand between backquotes: the API tells it as it is, the command with its own words for them.
   */
  readonly nextAction?: string;
  /** Overrules the code's own answer to whether the same request can succeed later. */
  readonly retryable?: boolean;
  /** Whether the step that failed is worth trying again at once, by itself; not unless told. */
  readonly transient?: boolean;
}

/** An expected failure: a code of the closed list, with a message that callers may see. */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly code: ErrorCode;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly issues: readonly FieldIssue[];
  readonly migration: MigrationFault | null;
  readonly retryable: boolean;
  readonly transient: boolean;
  readonly nextAction: string;

  constructor(code: ErrorCode, options: DomainErrorOptions = {}) {
    super(
      options.message ?? ERROR_CODES[code].text,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.code = code;
    this.detail = options.detail ?? {};
    this.issues = options.issues ?? [];
    this.migration = options.migration ? withoutSecrets(options.migration) : null;
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable;
    this.transient = options.transient ?? false;
    this.nextAction = options.nextAction ?? ERROR_CODES[code].nextAction;
  }
}

function withoutSecrets(fault: NonNullable<DomainErrorOptions["migration"]>): MigrationFault {
  const { file, line = null, sqlState = null, constraint = null } = fault;
  const [statement, detail, hint] = [fault.statement, fault.detail, fault.hint].map((text) =>
    text == null ? null : redactText(text),
  ) as [string | null, string | null, string | null];
  return { file, line, statement, sqlState, detail, hint, constraint };
}

/** Refused for now: the same request may be sent again after a while. */
export class RateLimitedError extends DomainError {
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super("E_RATE_LIMITED", {
      message: `Too many attempts: try again in ${retryAfterSeconds} s.`,
    });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Whether `error` is a DomainError, of `code` where one is named. */
export const isDomainError = (error: unknown, code?: ErrorCode): error is DomainError =>
  error instanceof DomainError && (code === undefined || error.code === code);
