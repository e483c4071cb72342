import { z } from "zod";
import { DomainError, type FieldIssue } from "./domain-error.ts";

/**
 * A text as one line: without control characters, breaks of lines, and signs that turn the direction of
 * what stands behind them, which would change how the words around it are shown.
 *
 * @param instead what takes their place
 */
export const oneLine = (text: string, instead = " "): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, instead).trim();

/** One line of text, without spaces around it. */
export const lineField = (max: number) =>
  z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(max, `must have at most ${max} characters`)
    .refine((value) => oneLine(value) === value, "must not hold control characters");

/** Whether a list has nothing twice. */
export const unique = (list: readonly string[]): boolean => new Set(list).size === list.length;

/** Why something is done, for the audit trail. */
export const reasonField = lineField(500);

/**
 * Reads what a caller sent.
 *
 * @throws DomainError E_VALIDATION naming every faulty field
 */
export function parseInput<Input>(schema: z.ZodType<Input>, request: unknown): Input {
  const read = schema.safeParse(request, { error: wordsOf });
  if (read.success) return read.data;
  throw faultsError(issuesOf(read.error));
}

/** What is wrong with a field that has no words of its own, in those of a person. */
function wordsOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined || issue.input === null ? "must be given" : undefined;
    case "invalid_value":
      return `must be one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return issue.origin === "number" ? `must be at least ${issue.minimum}` : undefined;
    case "too_big":
      return issue.origin === "number" ? `must be at most ${issue.maximum}` : undefined;
    default:
      return undefined;
  }
}

/** The first thing that is wrong with an input, in words: `reason: must not be empty`. */
export const faultOf = ({ issues: [issue] }: z.ZodError): string =>
  [...(issue?.path ?? []).map(String), issue?.message].join(": ");

/** The faults that zod found, as callers see them. */
export const issuesOf = (error: z.ZodError | undefined): FieldIssue[] =>
  (error?.issues ?? []).map(({ path, message }) => ({
    path: path.map(String),
    message,
    code: "E_VALIDATION",
  }));

/** So many faults are told at once: a list can have one for each of its entries. */
const MOST_FAULTS = 20;

/**
 * The error that tells of several faults at once, the first 20; of their own code where they share one.
 */
export function faultsError(faults: readonly FieldIssue[]): DomainError {
  const codes = new Set(faults.map((fault) => fault.code));
  const [code] = codes;
  const issues = faults.slice(0, MOST_FAULTS);
  const words = issues.map((fault) => `${fault.path.join(".")}: ${fault.message}`);
  if (faults.length > MOST_FAULTS) words.push(`and ${faults.length - MOST_FAULTS} more`);
  return new DomainError(codes.size === 1 && code ? code : "E_VALIDATION", {
    message: words.join("; "),
    issues,
  });
}

/** The error of one faulty field. */
export const fieldFault = (field: string, message: string): DomainError =>
  faultsError([{ path: [field], message, code: "E_VALIDATION" }]);
