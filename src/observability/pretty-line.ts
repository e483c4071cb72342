import { pino } from "pino";

interface LoggedError {
  readonly type?: string;
  readonly code?: string;
  readonly message?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

/** A line of the log as a person reads it: time of the day, level, what it says, then its fields. */
export function prettyLine(json: string): string {
  const { level, time, msg = "", err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const label = (pino.levels.labels[Number(level)] ?? "").toUpperCase().padEnd(5);
  const told = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const head = [new Date(Number(time)).toISOString().slice(11, 23), label, msg, ...told];
  return `${head.join(" ").trimEnd()}\n${err === undefined ? "" : linesOf(err as LoggedError | string)}`;
}

function linesOf(error: LoggedError | string, indent = "  "): string {
  if (typeof error === "string") return `${indent}${error}\n`;
  const { type = "Error", code, message = "", stack, cause } = error;
  const said = stack ?? `${type}${code === undefined ? "" : ` ${code}`}: ${message}`;
  const lines = said.split("\n").map((line) => `${indent}${line.trim()}\n`);
  return lines.join("") + (cause === undefined ? "" : linesOf(cause, `${indent}  `));
}
