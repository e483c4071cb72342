import type { Command } from "commander";
import { addExample, addRunFlags, SLUG, WHY } from "../terminal/run-flags.ts";
import type { AcceptFlags, ActivateFlags, AddLabFlags, MigrateFlags } from "./acts.ts";
import type { DoctorFlags } from "./doctor.ts";

const load = () => import("./acts.ts");

/** Adds the commands that look after a tenant that exists. */
export function addTenantOperations(tenant: Command): void {
  const migrate = tenant
    .command("migrate")
    .description("apply the migrations that a tenant lacks; mends one that failed")
    .requiredOption(...SLUG)
    .option("--to <version>", "the last migration to apply, such as 0012_samples (default: all)")
    .option(
      "--allow-out-of-order <ids...>",
      "migrations to apply although later ones were; needs --reason",
    )
    .option(...WHY)
    .option("--dry-run", "show what would be applied, write nothing");
  addExample(addRunFlags(migrate), "tenant migrate --slug acme --dry-run").action(
    async (flags: MigrateFlags) => (await load()).migrate(flags),
  );
  const accept = tenant
    .command("accept-migration")
    .description("let a migration count as applied as its file is now; nothing of it is run")
    .requiredOption(...SLUG)
    .requiredOption("--migration <id>", "the migration that was edited, renamed or taken away")
    .requiredOption(...WHY);
  const edited = '--migration 0012_samples --reason "a comment was mended"';
  addExample(addRunFlags(accept), `tenant accept-migration --slug acme ${edited}`).action(
    async (flags: AcceptFlags) => (await load()).acceptMigration(flags),
  );
  const activate = tenant
    .command("activate")
    .description("check whether a tenant is ready, and make it active")
    .requiredOption(...SLUG)
    .option("--force", "activate it although checks fail; needs --reason")
    .option(...WHY);
  addExample(addRunFlags(activate), "tenant activate --slug acme").action(
    async (flags: ActivateFlags) => (await load()).activate(flags),
  );
  const addLab = tenant
    .command("add-lab")
    .description("add a laboratory to a tenant's organization")
    .requiredOption(...SLUG)
    .requiredOption("--name <name>", "the laboratory's name")
    .option("--setup-name <name>", "the organization's setup, where the tenant has several");
  addExample(addRunFlags(addLab), 'tenant add-lab --slug acme --name "Second laboratory"').action(
    async (flags: AddLabFlags) => (await load()).addLab(flags),
  );
  const doctor = tenant
    .command("doctor")
    .description(
      "look whether something contradicts what is known of tenants; exit code 1 where it does",
    )
    .option("--slug <slug>", "only this tenant, and more closely (default: all)")
    .option(
      "--fix [remedies]",
      "mend: ask for each kind of remedy at a terminal, else what is safe; or exactly these, such as ADOPT,DROP",
    )
    .option("--yes", "mend what is safe without being asked; nothing is deleted")
    .option("--json", "one JSON object per finding and line, the result last");
  addExample(doctor, "tenant doctor --fix").action(async (flags: DoctorFlags) =>
    (await import("./doctor.ts")).doctor(flags),
  );
}
