import { styleText } from "node:util";

type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/**
 * Where a command writes: standard output is for results, standard error for everything else.
 * What is written after the reader has gone away is lost, and harms nothing.
 */
export interface Output {
  /** Whether standard output is a terminal, where a line can be drawn again. */
  readonly isTerminal: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly width: number;
  /** A line of the result. */
  line(text?: string): void;
  /** One JSON object on a line of its own, for scripts. */
  json(value: unknown): void;
  /** A line for a person, beside the result. */
  note(text: string): void;
  /** Writes on the terminal without ending the line. */
  draw(text: string): void;
  /** Text in a style, where standard output shows styles (a terminal, and not NO_COLOR). */
  style(style: Style, text: string): string;
}

/** Opens the output of this process. */
export function openOutput(): Output {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) {
    if (stream.listenerCount("error") === 0) stream.on("error", ignoreGoneReader);
  }
  return {
    isTerminal: stdout.isTTY === true,
    get width() {
      return stdout.columns ?? 80;
    },
    line: (text = "") => void stdout.write(`${text}\n`),
    json: (value) => void stdout.write(`${JSON.stringify(value)}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    draw: (text) => void stdout.write(text),
    style: (style, text) => styleText(style, text, { stream: stdout }),
  };
}

function ignoreGoneReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** What a command has closed lets go of the process within milliseconds; what it left open gets no longer. */
const LINGER_MS = 1_000;

/**
 * Lets the process end with an exit code once it has nothing left to do, or a second later. Not by
 * `process.exit`, which waits forever for a compiler thread that in its turn waits for the main thread
 * to collect garbage (nodejs/node#54918): one short command in 150 hung so, its work done.
 */
export function exitWith(code: number): void {
  process.exitCode = code;
  setTimeout(() => exitAtOnce(code), LINGER_MS).unref();
}

/** Ends the process in the middle of its work, as soon as everything that was written has left it. */
export async function exitAtOnce(code: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write("", () => resolve()));
  }
  process.exit(code);
}
