import type { Command } from "commander";
import { wholeNumber } from "../terminal/flag-values.ts";
import { addExample, addRunFlags, SLUG, WHY, YES } from "../terminal/run-flags.ts";
import type { RotateFlags } from "./credentials.ts";
import type { ReasonFlags } from "./removal.ts";

const load = () => import("./credentials.ts");

/** Adds the commands about what tenants' applications log in with. */
export function addTenantCredentials(tenant: Command): void {
  const rotate = tenant
    .command("rotate-credentials")
    .description("give a tenant's application a new login; the old one closes after a while")
    .option(...SLUG)
    .option("--all", "every tenant that is active or suspended, an operation for each")
    .option(
      "--grace-period <seconds>",
      "how long the old login stays open; 0 closes it at once (default: 3600)",
      wholeNumber,
    )
    .option("--end-grace", "first close a login that an earlier rotation has left open")
    .option("--dry-run", "show which role would take its turn, write nothing")
    .option(...WHY)
    .option(...YES);
  addExample(addRunFlags(rotate), "tenant rotate-credentials --slug acme").action(
    async (flags: RotateFlags) => (await load()).rotate(flags),
  );
  const retire = tenant
    .command("retire-credentials")
    .description("close the login that a rotation has left open, before its time")
    .requiredOption(...SLUG)
    .option(...WHY);
  addExample(addRunFlags(retire), "tenant retire-credentials --slug acme").action(
    async (flags: ReasonFlags) => (await load()).retire(flags),
  );
}
