import { Argument, type Command } from "commander";
import type { RunFlags } from "../operation/start-operation.ts";
import { addExample, addRunFlags } from "../terminal/run-flags.ts";
import type { DataFlags, SnapshotWord } from "./data.ts";

const load = () => import("./data.ts");
const TENANT = ["--tenant-slug <slug>", "the tenant's slug"] as const;
const WORDS: readonly SnapshotWord[] = [
  "patients",
  "analysis-requests",
  "samples",
  "analyses",
  "refresh-all",
  "hard-refresh",
];

/** Adds the commands that bring data into a tenant's schema, and keep it up to date. */
export function addTenantData(program: Command): void {
  const seed = program
    .command("seed")
    .description("add seed sets to a tenant: what is absent, and what the sets depend on")
    .argument("<sets...>", "names of seed sets, such as core microbiology; all for every one")
    .option(...TENANT);
  addExample(addRunFlags(seed), "seed core microbiology --tenant-slug acme").action(
    async (sets: string[], { tenantSlug, ...flags }: Partial<DataFlags> & RunFlags) => {
      if (tenantSlug === undefined)
        seed.error("error: required option '--tenant-slug <slug>' not specified");
      else await (await load()).seed(sets, { ...flags, tenantSlug });
    },
  );
  const snapshot = program
    .command("snapshot")
    .description("take a tenant's metadata snapshots again")
    .addArgument(
      new Argument(
        "<what>",
        "whose snapshots; but for hard-refresh, of samples in state RECEIVED only",
      ).choices(WORDS),
    )
    .requiredOption(...TENANT)
    .option("--yes", "do it without being asked; hard-refresh needs it where there is no terminal");
  addExample(addRunFlags(snapshot), "snapshot refresh-all --tenant-slug acme").action(
    async (what: SnapshotWord, flags: DataFlags) => (await load()).snapshot(what, flags),
  );
}
