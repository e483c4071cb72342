import { type Command, CommanderError } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { addAccessCommands } from "./access/access.ts";
import { addUserCommands } from "./access/user.ts";
import { addAuditCommands } from "./audit/audit.ts";
import { addMigrationCommands } from "./migration/migration.ts";
import { addOperationCommands } from "./operation/operation.ts";
import { addPlatformCommands } from "./platform.ts";
import { addDbServerCommands } from "./servers/db-server.ts";
import { addTenantCommands } from "./tenant/tenant.ts";
import { EXIT, UsageError } from "./terminal/exit-codes.ts";
import { exitWith, openOutput } from "./terminal/output.ts";
import { SuggestingCommand } from "./terminal/suggesting-command.ts";

const FOOTER = `
Exit codes: 0 done, 1 failed or refused, 2 wrong usage or configuration,
3 cancelled, 130 interrupted by Ctrl-C.

The commands work directly on the platform database, with the API up or down.
They take the service's environment variables (DATA_DIR, DATABASE_URL, …), and
act as the OS user who runs them. With TENANTRY_TOKEN set, they act over the API
at TENANTRY_URL instead, as that token; a few are of the machine only.

Examples:
  $ tenantry tenant provision --slug acme --name "Acme Labs" \\
      --admin-email ada@acme.example --lab "Main laboratory"
  $ tenantry tenant list --status FAILED`;

/** Runs the command line `argv` (node, script, words …) and lets the process end with its exit code. */
export async function tenantry(argv: readonly string[]): Promise<void> {
  openOutput(); // for commander's own writing too: whoever reads its help may go away
  try {
    await makeProgram().parseAsync(argv);
  } catch (error) {
    if (error instanceof UsageError) openOutput().note(error.message);
    // Commander has told what is wrong, or shown the help that was asked for.
    else if (!(error instanceof CommanderError)) throw error;
    else if (error.exitCode === 0) return exitWith(EXIT.ok);
    exitWith(EXIT.usage);
  }
}

/** The whole command line, as it is parsed. */
export function makeProgram(): Command {
  const program = new SuggestingCommand("tenantry")
    .description("Provisions, shows and mends tenants of a multi-tenant PostgreSQL platform.")
    .version(manifest.version, "-V, --version", "show the version")
    .exitOverride()
    .addHelpText("after", FOOTER);
  addTenantCommands(program);
  addOperationCommands(program);
  addMigrationCommands(program);
  addDbServerCommands(program);
  addUserCommands(program);
  addAccessCommands(program);
  addPlatformCommands(program);
  addAuditCommands(program);
  return program;
}
