import type { Command } from "commander";

/** The flag that names the tenant. */
export const SLUG = ["--slug <slug>", "the tenant's slug"] as const;

export const YES = [
  "--yes",
  "do it without being asked; needed where there is no terminal",
] as const;
export const WHY = ["--reason <text>", "why, for the audit trail"] as const;

/** The flag by which a command that makes a secret tells the same one again. */
export const ONCE = [
  "--idempotency-key <key>",
  "the same key and input does nothing more, and shows the same again, for 30 days",
] as const;

/** What is told behind an answer that an earlier request with the same key has had. */
export const AGAIN = ", with the same idempotency key as before";

/** The flag of a list that can be long. */
export const LIMIT = [
  "--limit <number>",
  "at most so many, up to 1000 (default: 20; with --json all)",
] as const;

/** Headings of flags that several commands have. */
export const GROUPS = {
  which: "Which are listed:",
  shown: "How they are shown:",
  run: "How it is run:",
} as const;

/** Adds the flags that every command has that starts an operation. */
export const addRunFlags = (command: Command): Command =>
  command
    .optionsGroup(GROUPS.run)
    .option(
      "--idempotency-key <key>",
      "the same key and input is the same operation (default: random)",
    )
    .option("--no-wait", "start it and do not wait for its end")
    .option("--json", "one JSON object per event and line, the result last");

/** Adds an example to a command's help. */
export const addExample = (command: Command, words: string): Command =>
  command.addHelpText("after", `\nExample:\n  $ tenantry ${words}`);
