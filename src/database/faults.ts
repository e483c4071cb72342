import { isDomainError } from "../kernel/domain-error.ts";
import type { ErrorCode } from "../kernel/error-codes.ts";
import { redactText } from "../kernel/redact.ts";

/**
 * What happens by itself after a fault.
 * - LOST: the connection is gone, and a statement under way may have taken effect or not. It is tried
 *   again: on the platform database until that is back, on a db server as the retry policy says.
 * - AGAIN: nothing has taken effect; tried again in the same way.
 * - BOUNDED: tried again too, but only a few times on the platform database, since it may not pass.
 * - FENCED: not tried again by whoever meets it: somebody else has gone on with the work, or ended it.
 * - FINAL: not tried again.
 */
export type FaultCourse = "LOST" | "AGAIN" | "BOUNDED" | "FENCED" | "FINAL";

/** One kind of fault of PostgreSQL, of a pool, a socket or a name. */
export interface Fault {
  /** SQLSTATEs or their first characters, and codes of Node.js. */
  readonly codes: readonly string[];
  /** For faults that bear no code. */
  readonly texts?: readonly RegExp[];
  readonly course: FaultCourse;
  /** What callers read, behind the name of the part that it happened to. */
  readonly sentence: string;
  /** What an operator can do. */
  readonly remedy: string;
}

/** Every fault that is known, most exact first: the one table that steps, doors and the engine read. */
export const FAULTS: readonly Fault[] = [
  {
    codes: ["TF001"],
    course: "FENCED",
    sentence: "another process has gone on with the work",
    remedy: "Nothing is to be done: what the other process does is what counts.",
  },
  {
    codes: ["57P01", "57P02", "57P04", "57P05"],
    course: "LOST",
    sentence: "PostgreSQL ended the session",
    remedy: "Look whether the server was restarted, or a session ended by hand.",
  },
  {
    codes: ["25P03", "25P04"],
    course: "LOST",
    sentence: "PostgreSQL ended a transaction that had stood still",
    remedy: "Look whether the process was frozen or is short of CPU.",
  },
  {
    codes: ["08", "40003", ...["ECONNRESET", "ECONNABORTED", "EPIPE", "ENETRESET", "ENOTCONN"]],
    texts: [
      /^Connection terminated/,
      /^Client has encountered a connection error/,
      /^Client was closed and is not queryable/,
      /connection has been discarded/i,
    ],
    course: "LOST",
    sentence: "the connection broke",
    remedy: "Look at the server, and at the network in between.",
  },
  {
    codes: [],
    texts: [/^Query read timeout/],
    course: "LOST",
    sentence: "it did not answer a query in time",
    remedy: "Look at the server's load, and at the network in between.",
  },
  {
    codes: [
      ...["ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END", "ERR_SOCKET_CLOSED"],
      "ERR_STREAM_PREMATURE_CLOSE",
    ],
    course: "LOST",
    sentence: "the socket was closed",
    remedy: "Look at the server, and at the network in between.",
  },
  {
    codes: ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN"],
    course: "AGAIN",
    sentence: "nobody answers at its address",
    remedy: "Look whether the server runs, and whether its address can be reached from here.",
  },
  {
    codes: ["ETIMEDOUT", "ERR_SOCKET_CONNECTION_TIMEOUT"],
    texts: [/^timeout expired/],
    course: "AGAIN",
    sentence: "it did not answer in time",
    remedy: "Look at the server's load, and at the network in between.",
  },
  {
    codes: ["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "ESERVFAIL"],
    course: "AGAIN",
    sentence: "its host name is not known",
    remedy: "Look at the name service, and whether the name is spelt as there.",
  },
  {
    codes: ["EMFILE", "ENFILE", "ENOBUFS", "EADDRNOTAVAIL"],
    course: "AGAIN",
    sentence: "this machine has no socket left",
    remedy: "Raise the limit on open files, or stop what holds so many.",
  },
  {
    codes: [],
    texts: [/^timeout exceeded when (trying to connect|waiting for a connection)/],
    course: "AGAIN",
    sentence: "no connection became free in time",
    remedy: "Look at what holds the connections; more processes bring more of them.",
  },
  {
    codes: ["57P03"],
    course: "AGAIN",
    sentence: "PostgreSQL is starting or shutting down",
    remedy: "Wait for it.",
  },
  {
    codes: ["53300"],
    course: "AGAIN",
    sentence: "PostgreSQL has no connection left",
    remedy: "End sessions that nobody needs, or raise max_connections.",
  },
  {
    codes: ["25006"],
    course: "AGAIN",
    sentence: "PostgreSQL takes no writes, as during a failover",
    remedy: "See to it that the address leads to the primary, and that it is not read-only.",
  },
  {
    codes: ["53100"],
    course: "AGAIN",
    sentence: "PostgreSQL's disk is full",
    remedy: "Make room on the server's disk.",
  },
  {
    codes: ["53000"],
    course: "AGAIN",
    sentence: "PostgreSQL is short of resources",
    remedy: "Look at the server's log.",
  },
  {
    codes: ["53200", "53400"],
    course: "BOUNDED",
    sentence: "PostgreSQL is out of memory or locks",
    remedy: "Raise max_locks_per_transaction or the server's memory.",
  },
  {
    codes: ["55P03", "55006"],
    course: "BOUNDED",
    sentence: "something that is needed is held by another session",
    remedy: "Look in pg_stat_activity for who holds it.",
  },
  {
    codes: ["40001", "40P01"],
    course: "BOUNDED",
    sentence: "the transaction collided with others",
    remedy: "Try again when fewer change the same rows.",
  },
  {
    codes: ["28"],
    course: "FINAL",
    sentence: "PostgreSQL refuses the login",
    remedy: "Check the user, its password and pg_hba.conf.",
  },
  {
    codes: ["3D000"],
    course: "FINAL",
    sentence: "the database does not exist",
    remedy: "Restore the database, or name another one.",
  },
  {
    codes: ["42501"],
    course: "FINAL",
    sentence: "the login lacks a right",
    remedy: "Give the login back the rights that the documentation lists.",
  },
  {
    codes: ["57014"],
    course: "FINAL",
    sentence: "a statement took longer than it may, or was cancelled",
    remedy: "Look at the server's load, and in pg_stat_activity for who holds what it waited for.",
  },
  {
    codes: ["58", "XX", "F0"],
    course: "FINAL",
    sentence: "PostgreSQL has a fault of its own",
    remedy: "Look at the server's log and its disks before anything else.",
  },
  {
    codes: [
      ...["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "CERT_HAS_EXPIRED"],
      ...["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "UNABLE_TO_GET_ISSUER_CERT"],
      ...[
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        "CERT_NOT_YET_VALID",
        "ERR_TLS_CERT_ALTNAME_INVALID",
      ],
      ...["CERT_UNTRUSTED", "CERT_REVOKED", "CERT_SIGNATURE_FAILURE", "EPROTO"],
    ],
    texts: [
      /^The server does not support SSL connections/,
      /^There was an error establishing an SSL/,
    ],
    course: "FINAL",
    sentence: "its TLS is not as asked for",
    remedy: "Check the server's certificate, and the TLS mode that it is entered with.",
  },
];

/** Any other SQLSTATE on a db server: Tenantry asked for something that the server's state does not allow. */
export const OTHER_REFUSAL: Fault = {
  codes: [],
  course: "FINAL",
  sentence: "PostgreSQL refused a statement",
  remedy: "Read what PostgreSQL said, and mend the state that it names.",
};

/** Classes of SQLSTATEs begin with none of the E of the codes of Node.js, such as EPIPE. */
const SQLSTATE = /^[0-9A-DF-Z][0-9A-Z]{4}$/;

/** An error as drivers make it. */
interface Thrown {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** The error and what is behind it, nearest first: drivers wrap, and gather those of several addresses. */
function* behind(error: unknown): Generator<Thrown> {
  const seen = new Set<unknown>();
  const queue = [error];
  while (queue.length > 0 && seen.size < 50) {
    const at = queue.shift();
    if (typeof at !== "object" || at === null || seen.has(at)) continue;
    seen.add(at);
    const thrown = at as Thrown;
    yield thrown;
    queue.push(thrown.cause, ...(Array.isArray(thrown.errors) ? thrown.errors : []));
  }
}

/** The SQLSTATE of a PostgreSQL error, however it is wrapped; undefined for anything else. */
export function sqlStateOf(error: unknown): string | undefined {
  for (const { code } of behind(error))
    if (typeof code === "string" && SQLSTATE.test(code)) return code;
  return undefined;
}

/** A fault with what was said of it. */
export interface FoundFault extends Fault {
  /** The SQLSTATE, or Node's code; null where the error bears none. */
  readonly code: string | null;
  /** What PostgreSQL or the driver said, without secrets. */
  readonly said: string;
}

/** Finds the error in the table; undefined for one that is not in it. */
export function faultOf(error: unknown): FoundFault | undefined {
  for (const thrown of behind(error)) {
    const code = typeof thrown.code === "string" ? thrown.code : null;
    const text = typeof thrown.message === "string" ? thrown.message : "";
    const fault = FAULTS.find(
      ({ codes, texts = [] }) =>
        (code !== null && codes.some((known) => isCode(code, known))) ||
        texts.some((pattern) => pattern.test(text)),
    );
    if (fault) return found(fault, code, text);
    if (code !== null && SQLSTATE.test(code)) return undefined;
  }
  return undefined;
}

/** As `faultOf`, with any other error of PostgreSQL as a refusal. */
export function faultOrRefusalOf(error: unknown): FoundFault | undefined {
  const known = faultOf(error);
  if (known) return known;
  for (const { code, message } of behind(error))
    if (typeof code === "string" && SQLSTATE.test(code))
      return found(OTHER_REFUSAL, code, String(message ?? ""));
  return undefined;
}

const isCode = (code: string, known: string): boolean =>
  code === known || (known.length === 2 && SQLSTATE.test(code) && code.startsWith(known));

const MOST_SAID = 300;

const found = (fault: Fault, code: string | null, text: string): FoundFault => ({
  ...fault,
  code,
  said: redactText(text.split("\n", 1)[0] ?? "").slice(0, MOST_SAID),
});

/** A fault's sentence, and behind it what PostgreSQL or the driver said. */
export function withWhatWasSaid({ sentence, code, said }: FoundFault): string {
  const quoted = [code, said].filter((text) => text !== null && text !== "").join(": ");
  return quoted === "" ? sentence : `${sentence} (${quoted})`;
}

/** The code that a fault is told under. */
export const codeOf = ({ course }: Fault): ErrorCode =>
  course === "FINAL" ? "E_DATABASE_REFUSED" : "E_UNAVAILABLE";

/**
 * Whether PostgreSQL is out of reach, or takes nothing from anybody, for now: trying again ends when it
 * is back, however long that takes. A statement may or may not have taken effect.
 */
export const isConnectionLoss = (error: unknown): boolean =>
  ["LOST", "AGAIN"].includes(faultOf(error)?.course ?? "FINAL");

/**
 * Whether the same work can succeed when it is tried again: every fault that is not final. A domain
 * error says so itself, whatever caused it.
 */
export const isTransient = (error: unknown): boolean =>
  isDomainError(error)
    ? error.transient
    : !["FENCED", "FINAL"].includes(faultOf(error)?.course ?? "FINAL");

/** The part that an error happened to where nothing else was noted. */
export const PLATFORM = "The platform database";

const PART = Symbol("part");

/** Notes on an error which part it happened to, such as `Db server 'eu-1'`, and answers the error. */
export function inPart(part: string, error: unknown): unknown {
  if (error instanceof Error && !(PART in error)) Object.assign(error, { [PART]: part });
  return error;
}

/** Runs `work`; an error of it happened to the part, unless to one further inside. */
export async function within<T>(part: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw inPart(part, error);
  }
}

/** The part that an error happened to. */
export function partOf(error: unknown): string {
  for (const thrown of behind(error)) if (PART in thrown) return thrown[PART] as string;
  return PLATFORM;
}
