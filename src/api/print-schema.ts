import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stdout } from "node:process";
import { lexicographicSortSchema, printSchema } from "graphql";
import { schema } from "./schema.ts";

const COMMITTED = join(import.meta.dirname, "../../schema.graphql");

/** The schema as it is committed: sorted, so that moving code changes nothing. */
export const printedSchema = (): string => `${printSchema(lexicographicSortSchema(schema))}\n`;

/** Writes schema.graphql, or with `--check` tells whether it is up to date. */
async function main(flags: readonly string[]): Promise<number> {
  const printed = printedSchema();
  if (!flags.includes("--check")) {
    await writeFile(COMMITTED, printed);
    return 0;
  }
  const committed = await readFile(COMMITTED, "utf8").catch(() => "");
  if (committed === printed) return 0;
  stdout.write("schema.graphql is not what the code says: run `npm run schema` and commit it.\n");
  return 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
