import { createInterface } from "node:readline/promises";
import { PlainFailure, UsageError } from "./exit-codes.ts";

/**
 * Asks on the terminal whether to go on.
 *
 * @param question what will happen: `Purge tenant 'acme' for good?`
 * @throws UsageError where nobody can be asked, PlainFailure where the answer is not yes
 */
export async function confirm(question: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  const { stdin, stderr } = process;
  if (!stdin.isTTY) throw new UsageError(`${question} Add --yes to say so without being asked.`);
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
    throw new PlainFailure("Nothing was done.");
  } finally {
    terminal.close();
  }
}
