import type { Command } from "commander";
import { addOperationCommand, commandsUnder } from "../operation/add-operation-command.ts";
import { addExample, addRunFlags, GROUPS, LIMIT, SLUG, WHY, YES } from "../terminal/run-flags.ts";
import type { CleanupFlags } from "./cleanup.ts";
import type { DoctorFlags } from "./doctor.ts";
import type { LockFlags } from "./lock.ts";
import { addTenantPeople } from "./people-commands.ts";
import type { ListFlags, ShowFlags } from "./reads.ts";
import type { CredentialsFlags } from "./show-credentials.ts";

/** Adds the commands about tenants. */
export function addTenantCommands(program: Command): void {
  program.commandsGroup("Tenants:");
  const tenant = program.command("tenant").description("provision, list, show and operate tenants");
  addExample(tenant, "tenant show --slug acme");
  tenant.commandsGroup("Making and looking:");
  addOperationCommand(tenant, "tenant provision");
  tenant
    .command("list")
    .description("list tenants, the newest first")
    .optionsGroup(GROUPS.which)
    .option("--status <status>", "only of this status: provisioning, active, failed, …")
    .option("--region <region>", "only of this region")
    .option("--tier <tier>", "only of this tier: trial, standard, premium, enterprise")
    .option("--isolation <kind>", "only of this isolation: schema, database")
    .option("--behind", "only those whose schema lacks migrations of the folder")
    .option("--text <text>", "only with this text in slug, name or admin email")
    .optionsGroup(GROUPS.shown)
    .option(...LIMIT)
    .option("--json", "one JSON object per tenant and line")
    .addHelpText("after", "\nExample:\n  $ tenantry tenant list --status failed --region local")
    .action(async (flags: ListFlags) => (await import("./reads.ts")).listTenants(flags));
  tenant
    .command("show")
    .description("show what the registry knows of one tenant, and its newest operations")
    .option("--slug <slug>", "the tenant's slug; also of one that is purged")
    .option("--id <id>", "the tenant's id, instead")
    .option("--json", "one JSON object")
    .addHelpText("after", "\nExample:\n  $ tenantry tenant show --slug acme")
    .action(async (flags: ShowFlags) => (await import("./reads.ts")).showTenant(flags));
  tenant.commandsGroup("Keeping in order:");
  for (const name of ["migrate", "accept-migration", "activate", "add-lab"])
    addOperationCommand(tenant, `tenant ${name}`);
  addDoctor(tenant);
  tenant.commandsGroup("Its application's login:");
  addCredentials(tenant);
  addOperationCommand(tenant, "tenant rotate-credentials", {
    help: "every tenant that is active or suspended, an operation for each",
    run: async (...how) => (await import("./credentials.ts")).rotate(...how),
  });
  addOperationCommand(tenant, "tenant retire-credentials");
  tenant.commandsGroup("What is known of it, and its people:");
  addTenantPeople(tenant);
  tenant.commandsGroup("Taking out of use:");
  for (const name of ["suspend", "resume", "offboard", "restore", "purge"])
    addOperationCommand(tenant, `tenant ${name}`);
  addCleanup(tenant);
  addLock(tenant);
  tenant.commandsGroup("More:");
  const known = new Set(tenant.commands.map((command) => command.name()));
  for (const name of commandsUnder("tenant")) {
    if (!known.has(name)) addOperationCommand(tenant, `tenant ${name}`);
  }
  for (const name of commandsUnder("")) addOperationCommand(program, name);
}

function addDoctor(tenant: Command): void {
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

function addCredentials(tenant: Command): void {
  const credentials = tenant
    .command("credentials")
    .description(
      "print how a tenant's application connects, with its password; at the machine only, and audited",
    )
    .argument("[slug]", "the tenant's slug")
    .option("--slug <slug>", "the same, as a flag")
    .option("--format <format>", "env for a shell's source, json, or uri for the URL alone", "env")
    .option(...WHY);
  addExample(credentials, "tenant credentials acme --format uri").action(
    async (slug: string | undefined, flags: CredentialsFlags) =>
      (await import("./show-credentials.ts")).showCredentials(slug, flags),
  );
}

function addCleanup(tenant: Command): void {
  const cleanup = tenant
    .command("cleanup")
    .description("clear away tenants whose provisioning failed, and free their slugs")
    .option("--slug <slug>", "only this tenant (default: every failed one)")
    .option("--drop-schema", "remove schema or database, roles and secret as well")
    .optionsGroup(GROUPS.run)
    .option(...YES);
  addExample(addRunFlags(cleanup), "tenant cleanup --drop-schema").action(
    async (flags: CleanupFlags) => (await import("./cleanup.ts")).cleanup(flags),
  );
}

function addLock(tenant: Command): void {
  const lock = tenant
    .command("lock")
    .description("lock a tenant against offboarding, purging and cleaning up")
    .requiredOption(...SLUG)
    .requiredOption(...WHY)
    .option("--json", "one JSON object");
  addExample(lock, 'tenant lock --slug acme --reason "legal hold"').action(
    async (flags: LockFlags) => (await import("./lock.ts")).lock(flags),
  );
  const unlock = tenant
    .command("unlock")
    .description("take a tenant's lock away")
    .requiredOption(...SLUG)
    .option("--json", "one JSON object");
  addExample(unlock, "tenant unlock --slug acme").action(async (flags: LockFlags) =>
    (await import("./lock.ts")).unlock(flags),
  );
}
