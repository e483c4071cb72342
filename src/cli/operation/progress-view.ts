import type { EventBody, PhaseState } from "../../operations/engine/operation.entity.ts";
import { formatDuration } from "../terminal/duration.ts";
import type { Output } from "../terminal/output.ts";

/** An event of an operation's journal, whichever way it came here. */
interface SeenEvent {
  readonly at: Date;
  readonly body: EventBody;
}

/** Shows an operation's phases as they come. */
export interface ProgressView {
  show(event: SeenEvent): void;
  /** Ends the drawing, so that other text may follow. */
  close(): void;
}

type PhaseEvent = Extract<EventBody, { type: "PHASE_STATE" }>;
type ProgressEvent = Extract<EventBody, { type: "PHASE_PROGRESS" }>;

/** As long as the longest name of a phase. */
const NAME_WIDTH = 21;
const BAR_WIDTH = 24;
const REDRAW_MS = 100;
const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/** Shows one line a phase; on a terminal the running one is drawn again and again, with a bar. */
export function openProgressView(out: Output): ProgressView {
  const phases = new PhasesSeen();
  if (!out.isTerminal) {
    return {
      show: (event) => {
        const line = phases.see(event, out);
        if (line !== null) out.line(line);
      },
      close: () => {},
    };
  }
  let tick = 0;
  const erase = () => out.draw("\r\u001b[2K");
  const redraw = () => {
    const line = phases.running(SPINNER[tick++ % SPINNER.length] ?? "", out.width - 1);
    if (line === null) return;
    erase();
    out.draw(line);
  };
  const timer = setInterval(redraw, REDRAW_MS).unref();
  return {
    show: (event) => {
      const line = phases.see(event, out);
      if (line !== null) {
        erase();
        out.line(line);
      }
      redraw();
    },
    close: () => {
      clearInterval(timer);
      erase();
    },
  };
}

/** What has been seen of an operation so far: when its phases began and how far they are. */
class PhasesSeen {
  readonly #startedAt = new Map<string, Date>();
  readonly #progress = new Map<string, ProgressEvent>();
  #current: { readonly name: string; readonly sinceMs: number } | null = null;

  /** Takes an event in; answers the line that it makes, null for none. */
  see({ at, body }: SeenEvent, out: Output): string | null {
    if (body.type === "PHASE_PROGRESS") {
      this.#progress.set(body.phase, body);
      // Whom it waits for is no matter of a moment, and longer than the line that is drawn again.
      if (!body.message?.includes(" waits for ")) return null;
      return `  ${out.style("yellow", "⧗")} ${body.phase.padEnd(NAME_WIDTH)}  ${body.message}`;
    }
    if (body.type === "OPERATION_STATE") {
      if (body.state !== "UNDOING" && body.state !== "CANCELLING") return null;
      return out.style("yellow", `  ${body.state === "UNDOING" ? "Undoing" : "Cancelling"} …`);
    }
    if (body.state === "RUNNING" || body.state === "UNDOING") return this.#begin(body, at, out);
    this.#current = null;
    const began = this.#startedAt.get(body.phase);
    const took = began === undefined ? "" : formatDuration(at.getTime() - began.getTime());
    return lineOf(body, took, this.#progress.get(body.phase), out);
  }

  #begin(body: PhaseEvent, at: Date, out: Output): string | null {
    if (body.attempt < 2) {
      this.#startedAt.set(body.phase, at);
      this.#progress.delete(body.phase);
    }
    this.#current = { name: body.phase, sinceMs: performance.now() };
    if (body.attempt < 2) return null;
    const why = body.error?.message ?? body.note ?? "";
    return `  ${out.style("yellow", "↻")} ${body.phase.padEnd(NAME_WIDTH)}  attempt ${body.attempt}${why && `: ${why}`}`;
  }

  /** The line of the running phase, at most `width` wide; null when none runs. */
  running(spinner: string, width: number): string | null {
    if (!this.#current) return null;
    const { name, sinceMs } = this.#current;
    const progress = this.#progress.get(name);
    const time = formatDuration(performance.now() - sinceMs);
    const bar = progress?.total ? `${barOf(progress.completed, progress.total)}  ` : "";
    const told = `  ${spinner} ${name.padEnd(NAME_WIDTH)}  ${bar}${time}  ${progress?.message ?? ""}`;
    return told.slice(0, width);
  }
}

function barOf(completed: number, total: number): string {
  const filled = Math.min(BAR_WIDTH, Math.round((completed / total) * BAR_WIDTH));
  return `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)} ${completed}/${total}`;
}

const SIGNS = {
  PENDING: ["dim", "·"],
  RUNNING: ["cyan", "▸"],
  SUCCEEDED: ["green", "✔"],
  SKIPPED: ["dim", "–"],
  FAILED: ["red", "✘"],
  UNDOING: ["yellow", "↶"],
  UNDONE: ["yellow", "↶"],
  UNDO_FAILED: ["red", "✘"],
} as const satisfies Record<PhaseState, readonly [string, string]>;

const WORDS: Partial<Record<PhaseState, string>> = {
  SKIPPED: "skipped",
  FAILED: "failed",
  UNDONE: "undone",
  UNDO_FAILED: "could not be undone",
};

function lineOf(
  body: PhaseEvent,
  took: string,
  progress: ProgressEvent | undefined,
  out: Output,
): string {
  const [style, sign] = SIGNS[body.state];
  const detail = [
    // What has nothing to undo says why.
    body.state === "UNDONE" && body.note !== null ? "nothing to undo" : WORDS[body.state],
    body.error ? `${body.error.code}: ${body.error.message}` : body.note,
    body.state === "SUCCEEDED" && progress?.total
      ? `${progress.completed}/${progress.total}`
      : null,
  ].filter((part) => part !== null && part !== undefined);
  const time = body.state === "SUCCEEDED" || body.state === "FAILED" ? took : "";
  return `  ${out.style(style, sign)} ${body.phase.padEnd(NAME_WIDTH)}  ${time.padStart(8)}  ${out.style("dim", detail.join(": "))}`.trimEnd();
}
