import { DomainError } from "../kernel/domain-error.ts";
import { redactText } from "../kernel/redact.ts";

/** What an identity may be allowed to do with a vault's secrets, as Azure names it after `secrets/`. */
export type VaultRight = "get" | "set" | "delete" | "recover" | "purge";

/** A call that failed. */
export interface FailedCall {
  readonly right: VaultRight;
  /** The secret's name. */
  readonly name: string;
  /** Set when the call was given up after so many milliseconds. */
  readonly gaveUpAfterMs: number | null;
  /** The vault's last answer to the call, which the client does not always tell. */
  readonly last: LastAnswer | undefined;
  /** Whether it was still waited for an identity, and not for the vault. */
  readonly awaitsIdentity: boolean;
}

/** What an answer says of itself. */
export interface LastAnswer {
  readonly status: number;
  readonly contentType: string | null;
}

/** There is no identity to enter the vault with, whatever the credential's error is called. */
export class NoIdentity extends Error {
  override readonly name = "NoIdentity";
}

/** What the vault said, without anything of the request: its errors carry the secret along. */
interface Answer {
  readonly status: number | undefined;
  /** The innermost error code, such as `SecretNotFound` or `ObjectIsBeingDeleted`. */
  readonly reason: string | null;
}

interface Verdict {
  readonly message: string;
  readonly transient: boolean;
  /** Whether no call would have fared better. */
  readonly isAway: boolean;
}

const passing = (message: string): Verdict => ({ message, transient: true, isAway: false });
const final = (message: string): Verdict => ({ message, transient: false, isAway: false });
const away = (message: string): Verdict => ({ message, transient: true, isAway: true });

/** A fault of Key Vault, told without any part of a request or an answer but its codes. */
export class VaultFault extends DomainError {
  readonly reason: string | null;
  /** Whether the vault cannot be reached at all: no call would have fared better. */
  readonly isAway: boolean;

  constructor(error: unknown, call: FailedCall) {
    const { status, reason } = answerOf(error, call);
    const { message, transient, isAway } = judge(error, call, { status, reason });
    super("E_SECRET_STORE", {
      message,
      transient,
      retryable: transient,
      detail: { call: `secrets/${call.right}`, name: call.name, status, reason, ...told(error) },
    });
    this.reason = reason;
    this.isAway = isAway;
  }
}

/** Whether `error` is the vault's answer that the secret is in one of these states. */
export const isVaultState = (error: unknown, ...states: readonly string[]): error is VaultFault =>
  error instanceof VaultFault && error.reason !== null && states.includes(error.reason);

interface NestedError {
  readonly code?: unknown;
  readonly innerError?: NestedError;
}

function answerOf(error: unknown, call: FailedCall): Answer {
  if (isIdentityFault(error)) return { status: undefined, reason: null };
  const { statusCode, details } = (error ?? {}) as {
    statusCode?: number;
    details?: { error?: NestedError };
  };
  let nested = details?.error;
  while (nested?.innerError) nested = nested.innerError;
  const reason = typeof nested?.code === "string" ? nested.code : null;
  return { status: statusCode ?? lastStatusOf(error, call), reason };
}

/**
 * The status of an answer that the client could not read, an empty one for instance. A 401 was the
 * vault asking for credentials: what went wrong came after it, as did a connection fault.
 */
const lastStatusOf = (error: unknown, { last }: FailedCall): number | undefined =>
  last?.status === 401 || socketCode(error) !== undefined ? undefined : last?.status;

function judge(error: unknown, call: FailedCall, { status, reason }: Answer): Verdict {
  if (call.gaveUpAfterMs !== null) return gaveUp(call, call.gaveUpAfterMs, status);
  if (isIdentityFault(error)) return away(`${NO_IDENTITY} with`);
  if (status === undefined || status < 400) return unanswered(error, call);
  if (status === 401) return final("Key Vault does not accept the identity");
  if (status === 403) return final(forbidden(call.right, reason));
  if (status === 429) return passing("Key Vault is throttling (429)");
  if (status === 409) return passing(`The secret cannot be changed at the moment (${reason})`);
  if (status === 408 || status >= 500) return passing(`Key Vault is not well (${status})`);
  return final(`Key Vault refuses the request (${status} ${reason ?? "without a reason"})`);
}

const NO_IDENTITY = "No identity could be had to enter Key Vault";

function gaveUp(call: FailedCall, afterMs: number, status: number | undefined): Verdict {
  const within = `within ${afterMs / 1000} s`;
  if (call.awaitsIdentity) return away(`${NO_IDENTITY} ${within}`);
  const ill = status === 429 || (status ?? 0) >= 500;
  const message = `Key Vault did not answer ${within}${ill ? `; its last answer was ${status}` : ""}`;
  // Where it has answered otherwise, it is the secret that takes its time.
  return status === undefined || ill ? away(message) : passing(message);
}

function forbidden(right: VaultRight, reason: string | null): string {
  if (reason === "SecretDisabled") return "The secret is disabled in Key Vault";
  if (reason === "ForbiddenByFirewall" || reason === "ForbiddenByConnection")
    return "Key Vault's network rules refuse this machine";
  return `Key Vault refuses it: the identity lacks the right secrets/${right}`;
}

/** The system's code of a connection fault: ENOTFOUND, ECONNREFUSED, a certificate's. */
const socketCode = (error: unknown): string | undefined => {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" && /^[A-Z_]+$/.test(code) ? code : undefined;
};

function unanswered(error: unknown, { last }: FailedCall): Verdict {
  const code = socketCode(error);
  if (code !== undefined && code !== "PARSE_ERROR")
    return away(`Key Vault cannot be reached (${code})`);
  const what = last === undefined || last.status === 401 ? "" : ` (${described(last)})`;
  return final(`What answers at AZURE_KEY_VAULT_URL is not a Key Vault${what}`);
}

/** `200 text/html`; the type is what a stranger may have sent. */
const described = ({ status, contentType }: LastAnswer): string =>
  `${status} ${/^[\w.+-]+\/[\w.+-]+/.exec(contentType ?? "")?.[0].slice(0, 60) ?? "without a content type"}`;

const isIdentityFault = (error: unknown): error is Error =>
  error instanceof NoIdentity ||
  (error instanceof Error &&
    /^((Aggregate)?Authentication|CredentialUnavailable)\w*$/.test(error.name));

/** What else the log should have: why there is no identity. Other texts may quote a request. */
const told = (error: unknown): { type?: string; why?: string } =>
  isIdentityFault(error)
    ? { type: error.name, why: redactText(error.message).slice(0, 1_000) }
    : error instanceof Error
      ? { type: error.name }
      : {};
