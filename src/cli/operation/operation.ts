import type { Command } from "commander";
import { GROUPS, LIMIT } from "../terminal/run-flags.ts";
import type { OperationListFlags } from "./acts.ts";

interface JsonFlag {
  readonly json?: boolean;
}

const EVENTS = "one JSON object per event and line, the result last";
const load = () => import("./acts.ts");

/** Adds the commands about operations. */
export function addOperationCommands(program: Command): void {
  program.commandsGroup("Operations:");
  const operation = program
    .command("operation")
    .description("watch, list, retry and cancel operations")
    .addHelpText("after", example("list --state failed"));
  operation
    .command("watch")
    .description("show an operation's phases from its beginning until it has ended")
    .argument("<id>", "the operation's id")
    .option("--json", EVENTS)
    .addHelpText("after", example("watch 01900000-0000-7000-8000-000000000000"))
    .action(async (id: string, flags: JsonFlag) => (await load()).watch(id, flags));
  operation
    .command("list")
    .description("list operations, the newest first")
    .optionsGroup(GROUPS.which)
    .option("--slug <slug>", "only of this tenant")
    .option("--kind <kind>", "only of this kind: provision, migrate, add-laboratory, …")
    .option("--state <state>", "only in this state: pending, running, succeeded, failed, …")
    .option("--no-dry-runs", "leave dry runs out")
    .optionsGroup(GROUPS.shown)
    .option(...LIMIT)
    .option("--json", "one JSON object per operation and line")
    .addHelpText("after", example("list --state failed"))
    .action(async (flags: OperationListFlags) => (await load()).listOperations(flags));
  operation
    .command("retry")
    .description("take a failed or cancelled operation up again, as a new one")
    .argument("<id>", "the failed operation's id")
    .option("--json", EVENTS)
    .addHelpText("after", example("retry 01900000-0000-7000-8000-000000000000"))
    .action(async (id: string, flags: JsonFlag) => (await load()).retry(id, flags));
  operation
    .command("cancel")
    .description("stop an operation at its next phase and undo what it did")
    .argument("<id>", "the running operation's id")
    .option("--json", EVENTS)
    .addHelpText("after", example("cancel 01900000-0000-7000-8000-000000000000"))
    .action(async (id: string, flags: JsonFlag) => (await load()).cancel(id, flags));
}

const example = (words: string) => `\nExample:\n  $ tenantry operation ${words}`;
