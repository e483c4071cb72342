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
  if (!process.stdin.isTTY)
    throw new UsageError(`${question} Add --yes to say so without being asked.`);
  if (!(await isAgreed(question))) throw new PlainFailure("Nothing was done.");
}

/** Asks on the terminal, which has to be one; answers whether the answer is yes. */
export async function isAgreed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
