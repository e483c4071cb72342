import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stdout } from "node:process";
import { lexicographicSortSchema, printSchema } from "graphql";
import manifest from "../../package.json" with { type: "json" };
import { grantsPage } from "./access/grants-page.ts";
import {
  operationCommands,
  profileFragment,
  resultFragment,
  updateFlags,
} from "./generate/command-manifest.ts";
import { auditEventsPage, errorsPage } from "./reference-pages.ts";
import { schema } from "./schema.ts";
import { AcceptedBreaks, faultsSince } from "./schema-changes.ts";

const sorted = lexicographicSortSchema(schema);

/** The schema as it is committed: sorted, so that moving code changes nothing. */
export const printedSchema = (): string => `${printSchema(sorted)}\n`;

/** The committed files that follow from the schema, and from tables in the code. */
const MADE: Readonly<Record<string, () => string>> = {
  "schema.graphql": printedSchema,
  "docs/grants.md": () => grantsPage(sorted),
  "src/cli/generated/operations.json": () => `${JSON.stringify(operationCommands(), null, 2)}\n`,
  "src/cli/generated/operation-result.graphql": resultFragment,
  "src/cli/generated/tenant-profile.graphql": profileFragment,
  "src/cli/generated/update-tenant.json": () => `${JSON.stringify(updateFlags(), null, 2)}\n`,
  "docs/errors.md": errorsPage,
  "docs/audit-events.md": auditEventsPage,
};

const RELEASED = join(import.meta.dirname, "released/schema.graphql");
const ACCEPTED = join(import.meta.dirname, "released/accepted-breaks.json");

const tell = (line: string) => stdout.write(`${line}\n`);

const readAccepted = async () => AcceptedBreaks.parse(JSON.parse(await readFile(ACCEPTED, "utf8")));

/** What the schema breaks that was released, and nobody has accepted; none is how it should be. */
export const faultsSinceRelease = async (): Promise<string[]> =>
  faultsSince(await readFile(RELEASED, "utf8"), sorted, await readAccepted());

async function write(): Promise<number> {
  for (const [path, print] of Object.entries(MADE)) await writeFile(pathOf(path), print());
  return 0;
}

async function check(): Promise<number> {
  const stale: string[] = [];
  for (const [path, print] of Object.entries(MADE)) {
    const committed = await readFile(pathOf(path), "utf8").catch(() => "");
    if (committed !== print()) stale.push(path);
  }
  for (const path of stale)
    tell(`${path} is not what the code says: run \`npm run schema\` and commit it.`);
  const faults = await faultsSinceRelease();
  for (const fault of faults) tell(`schema.graphql ${fault}`);
  if (faults.length > 0) tell('See "Changing the API" in CONTRIBUTING.md.');
  return Math.min(stale.length + faults.length, 1);
}

/** Makes this schema the released one, and tells the breaks that were accepted, for the changelog. */
async function release(): Promise<number> {
  for (const { change, reason } of await readAccepted()) tell(`- Breaking: ${change} ${reason}`);
  const heading = `# The schema as it was released with ${manifest.version}, which \`npm run check\` compares with.\n`;
  await writeFile(RELEASED, `${heading}\n${printedSchema()}`);
  await writeFile(ACCEPTED, "[]\n");
  return await write();
}

const pathOf = (path: string) => join(import.meta.dirname, "../..", path);

if (import.meta.main) {
  const flags = process.argv.slice(2);
  const act = flags.includes("--check") ? check : flags.includes("--release") ? release : write;
  process.exitCode = await act();
}
