import { type Command, Option } from "commander";
import type { OperationCommand, OperationFlag } from "../../api/generate/command-manifest.ts";
import { runAnywhere } from "../session.ts";
import { confirm } from "../terminal/confirm.ts";
import { UsageError } from "../terminal/exit-codes.ts";
import { givenFields, labelsIn, listOf, oneOf } from "../terminal/flag-values.ts";
import { type RunFlags, startAndSeeThrough } from "./start-operation.ts";

type Request = Readonly<Record<string, unknown>>;

/**
 * Runs a command that starts an operation: asks where something is lost, starts it and sees it through.
 *
 * @param word what was given as its argument
 */
export async function runOperationCommand(
  command: Command,
  described: OperationCommand,
  word?: string | string[],
): Promise<void> {
  const flags = command.opts<RunFlags & { readonly yes?: boolean }>();
  refuseMissing(command, described);
  const request = requestOf(command, described, word);
  const question = questionOf(described, command, request);
  await runAnywhere(
    flags,
    (session) =>
      startAndSeeThrough(session, flags, {
        title: flags.dryRun ? `Dry run for ${lowerFirst(described.title)}` : described.title,
        mutation: described.mutation,
        request,
      }),
    () => (question === undefined ? undefined : confirm(question, flags.yes)),
  );
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** What commander itself has not refused: it tells one at a time, and none of a command that has others below. */
function refuseMissing(command: Command, described: OperationCommand): void {
  const { words, flags, groups, slugFlag } = described;
  const missing = flags.filter(
    (flag) => flag.required && flag.flag.startsWith("--") && givenFor(command, flag) === undefined,
  );
  const [first] = missing;
  if (first === undefined) return;
  // Systems that act on a default tenant leave it out.
  if (first.flag === slugFlag)
    throw new UsageError(
      `Name the tenant with ${first.flag}; for several tenants run it once for each, as \`tenantry tenant list --status active --json\` lists them.`,
    );
  if (!groups) command.error(`error: required option '${first.flag}' not specified`);
  const names = missing.map(({ flag }) => flag.split(" ")[0]);
  throw new UsageError(`Missing: ${names.join(", ")}\nSee tenantry ${words} --help`);
}

/** What was given for a flag; undefined where nothing was. */
export const givenFor = (command: Command, { flag }: OperationFlag): unknown =>
  command.getOptionValue(new Option(flag).attributeName());

/** The mutation's input that the flags make; what is left out takes the input's own default. */
export function requestOf(
  command: Command,
  { flags, choice }: OperationCommand,
  word?: string | string[],
): Request {
  const fields = flags.map((flag): [string, unknown] => {
    if (!flag.flag.startsWith("--")) return [flag.field, word];
    return [flag.field, readFlag(flag, givenFor(command, flag))];
  });
  const chosen = typeof word === "string" ? choice?.inputs[word] : undefined;
  return { ...givenFields(Object.fromEntries(fields)), ...chosen };
}

/** What the text of a flag says. @throws UsageError */
export function readFlag({ flag, type, values }: OperationFlag, value: unknown): unknown {
  if (type === "tenant" && typeof value === "string") return { slug: value };
  if (type === "labels" && Array.isArray(value)) return labelsIn(value);
  if (typeof value !== "string") return value;
  if (values) return oneOf(flag.split(" ")[0] ?? flag, value, values);
  return type === "list" ? listOf(value) : value;
}

/** What is asked first; undefined where nothing is lost. */
function questionOf(
  { asks = {}, flags }: OperationCommand,
  command: Command,
  request: Request,
): string | undefined {
  const found = Object.entries(asks).find(
    ([field]) => field === "always" || request[field] === true,
  );
  const named = flags.find(({ type }) => type === "tenant");
  return found?.[1].replace("{slug}", String(named && givenFor(command, named)));
}
