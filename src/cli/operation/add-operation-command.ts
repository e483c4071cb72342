import { Argument, type Command, Option } from "commander";
import type { OperationCommand, OperationFlag } from "../../api/generate/command-manifest.ts";
import made from "../generated/operations.json" with { type: "json" };
import { wholeNumber } from "../terminal/flag-values.ts";
import { addExample, addRunFlags, GROUPS, YES } from "../terminal/run-flags.ts";

const COMMANDS = made as readonly OperationCommand[];

/** The names of the operations' commands that are called by these words and one more; `""` for none before it. */
export const commandsUnder = (words: string): string[] =>
  COMMANDS.map((command) => command.words.split(" "))
    .filter((all) => all.slice(0, -1).join(" ") === words)
    .map((all) => all.at(-1) ?? "");

/** How a command that takes --all instead of a tenant says so, and runs. */
interface OneOrAll {
  readonly help: string;
  run(command: Command, described: OperationCommand): Promise<void>;
}

/**
 * Adds the command that starts an operation, with the flags of its input.
 *
 * @param words what calls it, such as `tenant migrate`
 */
export function addOperationCommand(parent: Command, words: string, orAll?: OneOrAll): Command {
  const described = COMMANDS.find((command) => command.words === words);
  if (described === undefined) throw new Error(`No operation has the command '${words}'`);
  const command = parent.command(words.split(" ").at(-1) ?? words).description(described.does);
  addArguments(command, described);
  if (described.groups) addGroups(command, described, described.groups);
  else for (const flag of described.flags) addFlag(command, flag, !(orAll || asksLater(described)));
  if (orAll) command.option("--all", orAll.help);
  command.optionsGroup(GROUPS.run);
  if (described.dryRun !== undefined) command.option("--dry-run", described.dryRun);
  if (described.asks || orAll) command.option(YES[0], described.yes ?? YES[1]);
  addRunFlags(command);
  if (described.groups) command.addHelpText("after", `\n${described.example}`);
  else addExample(command, `${words} ${described.example}`);
  if (orAll) return command.action(() => orAll.run(command, described));
  return command.action(async (...args: unknown[]) => {
    const { runOperationCommand } = await import("./run-operation-command.ts");
    const word = typeof args[0] === "object" && !Array.isArray(args[0]) ? undefined : args[0];
    await runOperationCommand(command, described, word as string | string[] | undefined);
  });
}

/**
 * Whether the command itself asks for its flags: it has more to say of a missing tenant. Commander would
 * also want the flags of `seed` where a command below it was called.
 */
const asksLater = ({ slugFlag }: OperationCommand): boolean => slugFlag !== undefined;

const isArgument = ({ flag }: OperationFlag): boolean => !flag.startsWith("--");

function addArguments(command: Command, { flags, choice }: OperationCommand): void {
  for (const { flag, help } of flags.filter(isArgument)) command.argument(flag, help);
  if (choice === undefined) return;
  const words = Object.keys(choice.inputs);
  command.addArgument(new Argument(choice.syntax, choice.help).choices(words));
}

function addFlag(command: Command, flag: OperationFlag, refuses: boolean): void {
  if (isArgument(flag)) return;
  const option = new Option(flag.flag, flag.help);
  if (flag.type === "number") option.argParser(wholeNumber);
  command.addOption(option.makeOptionMandatory(refuses && flag.required));
}

/** Under headings the flags that are needed are told all at once, by whoever runs the command. */
function addGroups(
  command: Command,
  { flags }: OperationCommand,
  groups: NonNullable<OperationCommand["groups"]>,
): void {
  for (const [heading, fields] of Object.entries(groups)) {
    command.optionsGroup(heading);
    for (const field of fields) {
      const flag = flags.find((each) => each.field === field);
      if (flag) addFlag(command, flag, false);
    }
  }
}
