import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stdout } from "node:process";
import { lexicographicSortSchema, printSchema } from "graphql";
import { grantsPage } from "./access/grants-page.ts";
import { schema } from "./schema.ts";

/** The schema as it is committed: sorted, so that moving code changes nothing. */
export const printedSchema = (): string => `${printSchema(lexicographicSortSchema(schema))}\n`;

/** The committed files that follow from the schema. */
const MADE: Readonly<Record<string, () => string>> = {
  "schema.graphql": printedSchema,
  "docs/grants.md": () => grantsPage(schema),
};

/** Writes the files that follow from the schema, or with `--check` tells whether they are up to date. */
async function main(flags: readonly string[]): Promise<number> {
  let stale = 0;
  for (const [path, print] of Object.entries(MADE)) {
    const file = join(import.meta.dirname, "../..", path);
    if (!flags.includes("--check")) await writeFile(file, print());
    else if ((await readFile(file, "utf8").catch(() => "")) !== print()) {
      stdout.write(`${path} is not what the code says: run \`npm run schema\` and commit it.\n`);
      stale += 1;
    }
  }
  return Math.min(stale, 1);
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
