import { ERROR_CODES, type ErrorCode } from "./error-codes.ts";

/** One fault of one input field. */
export interface FieldIssue {
  /** The way to the field from the input's root, such as `["states", "0"]`. */
  readonly path: readonly string[];
  readonly message: string;
  readonly code: ErrorCode;
}

interface DomainErrorOptions extends ErrorOptions {
  /** Public text; the code's own text where nothing more exact can be said. Never holds a secret. */
  readonly message?: string;
  /** For logs only; never shown to a caller, never holds a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** Every faulty field, for E_VALIDATION and its like. */
  readonly issues?: readonly FieldIssue[];
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
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable;
    this.transient = options.transient ?? false;
    this.nextAction = options.nextAction ?? ERROR_CODES[code].nextAction;
  }
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
