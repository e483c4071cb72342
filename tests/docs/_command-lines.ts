import { type Command, CommanderError } from "commander";
import { makeProgram } from "../../src/cli/tenantry.ts";

/** The words of a command line, as a shell would pass them on. */
export const wordsOf = (line: string): string[] =>
  [...line.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)]
    .map(([word]) => word.replaceAll(/["']/g, ""))
    .filter((word) => word !== "…");

/** The commands as they are, but that they do nothing. */
function idle(command: Command): Command {
  command.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  if (command.commands.length === 0 || command.registeredArguments.length > 0)
    command.action(() => {});
  for (const each of command.commands) idle(each);
  return command;
}

/** What the real program refuses the words for, `tenantry` left out; null where it understands them. */
export async function refusalOf(words: readonly string[]): Promise<CommanderError | null> {
  try {
    await idle(makeProgram()).parseAsync(words, { from: "user" });
    return null;
  } catch (error) {
    if (error instanceof CommanderError) return error;
    throw error;
  }
}
