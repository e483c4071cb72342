import type { Command } from "commander";
import { addTenantOperations } from "./commands.ts";
import { addTenantCredentials } from "./credential-commands.ts";
import { addTenantData } from "./data-commands.ts";
import { addTenantPeople } from "./people-commands.ts";
import type { ProvisionFlags } from "./provision.ts";
import type { ListFlags, ShowFlags } from "./reads.ts";
import { addTenantRemoval } from "./removal-commands.ts";

const PROVISION_EXAMPLES = `
Examples:
  $ tenantry tenant provision --slug acme --name "Acme Labs" \\
      --admin-email ada@acme.example --lab "Main laboratory"
  $ tenantry tenant provision --slug acme --name "Acme Labs" --admin-email ada@acme.example \\
      --lab Main --region local --tier premium --states CA,NY --time-zone America/New_York \\
      --admin-credential one-time-password
  $ tenantry tenant provision … --dry-run          shows the plan, writes nothing
  $ tenantry tenant provision … --json | tail -1   the result, for a script`;

/** Adds the commands about tenants. */
export function addTenantCommands(program: Command): void {
  program.commandsGroup("Tenants:");
  const tenant = program.command("tenant").description("provision, list, show and operate tenants");
  addProvision(tenant);
  tenant
    .command("list")
    .description("list tenants, the newest first")
    .option("--status <status>", "only of this status: provisioning, active, failed, …")
    .option("--region <region>", "only of this region")
    .option("--tier <tier>", "only of this tier: trial, standard, premium, enterprise")
    .option("--isolation <kind>", "only of this isolation: schema, database")
    .option("--behind", "only those whose schema lacks migrations of the folder")
    .option("--text <text>", "only with this text in slug, name or admin email")
    .option("--limit <number>", "at most so many", "20")
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
  addTenantOperations(tenant);
  addTenantCredentials(tenant);
  addTenantPeople(tenant);
  addTenantRemoval(tenant);
  addTenantData(program);
}

function addProvision(tenant: Command): void {
  tenant
    .command("provision")
    .description("provision a tenant: placement, secret, schema, migrations, seeds, first admin")
    .optionsGroup("The tenant (the first four are needed):")
    .option("--slug <slug>", "short name for hosts and schemas: a-z, 0-9 and -, 3 to 40 characters")
    .option("--name <name>", "the tenant's name in words")
    .option("--admin-email <email>", "email of the first admin")
    .option("--lab <name>", "name of the initial laboratory")
    .option("--admin-name <name>", "name of the first admin")
    .option("--setup-name <name>", "setup of the initial laboratory (default: default)")
    .option("--vertical <word>", "line of business")
    .option("--states <codes>", "states it works in, such as CA,NY")
    .option("--tier <tier>", "trial, standard, premium or enterprise (default: standard)")
    .option("--time-zone <zone>", "IANA time zone, such as Europe/Berlin (default: UTC)")
    .option("--support-email <email>", "where its users ask for help")
    .option("--support-phone <number>", "as above, by phone")
    .option("--requested-by <name>", "who asked for it, for the audit trail")
    .optionsGroup("Where it lies and what it holds:")
    .option("--region <region>", "place it in this region (default: any)")
    .option("--db-server <name>", "place it on this db server (default: the least loaded)")
    .option("--isolation <kind>", "schema or database (default: schema)")
    .option("--seeds <sets>", 'seed sets, such as core,microbiology; "" for none (default: all)')
    .optionsGroup("How the first admin gets in:")
    .option("--admin-credential <kind>", "invitation or one-time-password (default: invitation)")
    .option("--allow-existing-user", "link an identity that has this email already")
    .optionsGroup("How it is run:")
    .option("--dry-run", "check everything and show the plan, write nothing")
    .option(
      "--idempotency-key <key>",
      "the same key and input is the same operation (default: random)",
    )
    .option("--no-wait", "start it and do not wait for its end")
    .option("--json", "one JSON object per event and line, the result last")
    .addHelpText("after", PROVISION_EXAMPLES)
    .action(async (flags: ProvisionFlags) => (await import("./provision.ts")).provision(flags));
}
