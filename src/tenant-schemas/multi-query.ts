import { AsyncResource } from "node:async_hooks";
import type { ClientBase, Connection, Submittable } from "pg";

/** One step of a script: exactly one SQL statement, without its semicolon. */
export interface Step {
  readonly sql: string;
  /** The statements of a file that the step carries out, to be found again when one fails. */
  readonly origins?: readonly Origin[];
  /** The step must answer one row; none means that what it goes through was tampered with. */
  readonly answers?: true;
  /** How long a later step may take where that is more than a connection's queries may. */
  readonly longestMs?: number;
}

/** A statement of a file. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  /** As it was sent. */
  readonly text: string;
  /** As the file has it, where that is something else. */
  readonly written?: string;
}

/** What a step answered: the first column of its last row, and whether there was one. */
export interface StepResult {
  readonly value: string | null;
  readonly rows: number;
}

/** A step that the server refused. `position` in `cause` counts from the start of the whole text. */
export class StepError extends Error {
  override readonly name = "StepError";
  /** The failed step; undefined where the connection failed and no step did. */
  readonly step: Step | undefined;
  /** Where the step's text begins in the text that was sent, in characters. */
  readonly offset: number;

  constructor(step: Step | undefined, offset: number, cause: Error) {
    super(cause.message, { cause });
    this.step = step;
    this.offset = offset;
  }
}

/**
 * Sends all steps as one simple query, so that they cost one round trip (PostgreSQL, 55.2.2.1), and
 * counts the completions that come back to know which step failed.
 *
 * @param onInfo told of every message of level INFO while the query runs: the server sends what it
 *   has to say at once together with such a message, which makes them live marks of progress
 * @throws StepError
 */
export async function runSteps(
  client: ClientBase,
  steps: readonly Step[],
  onInfo: (message: string) => void = () => undefined,
): Promise<StepResult[]> {
  // A connection's events come in the context of whoever opened it, which another operation may be.
  const hear = AsyncResource.bind(
    (notice: { severity?: string | undefined; message?: string | undefined }) => {
      if (notice.severity === "INFO" && notice.message !== undefined) onInfo(notice.message);
    },
  );
  client.on("notice", hear);
  try {
    return await new Promise<StepResult[]>((resolve, reject) => {
      client.query(new MultiQuery(steps, resolve, reject));
    });
  } finally {
    client.off("notice", hear);
  }
}

/** What Node waits at most. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

const SEPARATOR = ";\n";

/** A connection that was lost earlier says so in words of its own; make it the usual ones. */
const lost = (error: Error): Error =>
  /not queryable$/.test(error.message)
    ? new Error(`Connection terminated: ${error.message}`, { cause: error })
    : error;

/** The part of pg's interface for queries of one's own that a simple query needs (pg/lib/query.js). */
class MultiQuery implements Submittable {
  /** Called at the end: pg puts what stops the timer of `query_timeout` in its place. */
  callback: () => void = () => {};
  /** How long this side waits, in milliseconds; 0: as long as the connection's queries may take. */
  readonly query_timeout: number;
  readonly #steps: readonly Step[];
  readonly #resolve: (results: StepResult[]) => void;
  readonly #reject: (error: StepError) => void;
  readonly #results: StepResult[] = [];
  #rows = 0;
  #value: string | null = null;

  constructor(
    steps: readonly Step[],
    resolve: (results: StepResult[]) => void,
    reject: (error: StepError) => void,
  ) {
    this.#steps = steps;
    const longest = Math.max(0, ...steps.map(({ longestMs = 0 }) => longestMs));
    this.query_timeout = longest === 0 ? 0 : Math.min(longest * steps.length, LONGEST_TIMER_MS);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: Connection): void {
    connection.query(this.#steps.map((step) => step.sql).join(SEPARATOR));
  }

  handleRowDescription(): void {}

  handleDataRow(message: { fields: readonly (string | null)[] }): void {
    this.#rows++;
    this.#value = message.fields[0] ?? null;
  }

  handleCommandComplete(): void {
    this.#results.push({ value: this.#value, rows: this.#rows });
    this.#rows = 0;
    this.#value = null;
  }

  handleError(error: Error): void {
    this.callback();
    const reached = this.#results.length;
    const before = this.#steps.slice(0, reached);
    const offset = before.reduce((sum, { sql }) => sum + [...sql].length + SEPARATOR.length, 0);
    const fromServer = "severity" in error;
    const step = fromServer ? this.#steps[reached] : undefined;
    this.#reject(new StepError(step, offset, fromServer ? error : lost(error)));
  }

  handleReadyForQuery(): void {
    this.callback();
    const silent = this.#steps.find(
      ({ answers }, index) => answers === true && this.#results[index]?.rows !== 1,
    );
    if (silent === undefined) this.#resolve(this.#results);
    else
      this.#reject(
        new StepError(silent, 0, new Error("the file was not carried out: its runner was changed")),
      );
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete();
  }

  handlePortalSuspended(): void {}

  handleCopyInResponse(connection: Connection): void {
    (connection as unknown as { sendCopyFail(reason: string): void }).sendCopyFail("not supported");
  }

  handleCopyData(): void {}
}
