import type { Command } from "commander";
import type { AcceptLossFlags } from "./accept-loss.ts";
import type { SuperuserFlags } from "./access/seed-superuser.ts";

const load = () => import("./serve.ts");

/** Adds the commands that run the platform itself. */
export function addPlatformCommands(program: Command): void {
  program.commandsGroup("Platform:");
  program
    .command("serve")
    .description("answer the API in this process; operations need a worker beside it")
    .addHelpText("after", "\nExample:\n  $ PORT=4100 tenantry serve")
    .action(async () => (await load()).serve({ api: true, worker: false }));
  program
    .command("worker")
    .description("run operations in this process; start as many as you like, anywhere")
    .addHelpText("after", "\nExample:\n  $ tenantry worker")
    .action(async () => (await load()).serve({ api: false, worker: true }));
  const db = program
    .command("db")
    .description("look after the platform database")
    .addHelpText("after", "\nExample:\n  $ tenantry db upgrade");
  db.command("upgrade")
    .description(
      "make the platform database or bring it to this version, as a service that starts does too",
    )
    .option("--json", "one JSON object")
    .addHelpText("after", "\nExample:\n  $ tenantry db upgrade")
    .action(async (flags: { json?: boolean }) =>
      (await import("./db-upgrade.ts")).upgradeDatabase(flags),
    );
  db.command("url")
    .description(
      "print the platform database's connection URL, password included, for psql; the embedded PostgreSQL runs only while a service, a worker or a command does",
    )
    .option("--json", "one JSON object")
    .addHelpText("after", '\nExample:\n  $ psql "$(tenantry db url)"')
    .action(async (flags: { json?: boolean }) =>
      (await import("./db-url.ts")).showDatabaseUrl(flags),
    );
  db.command("accept-loss")
    .description(
      "let people in again although the platform database has lost something, as after a failover to a standby that lagged; first look what is missing",
    )
    .requiredOption("--reason <text>", "why that is right, for the audit trail")
    .option("--yes", "do not ask")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      '\nExample:\n  $ tenantry db accept-loss --reason "standby lagged by 4 s, ada@ revoked again"',
    )
    .action(async (flags: AcceptLossFlags) => (await import("./accept-loss.ts")).acceptLost(flags));
  const seed = program.commands.find((command) => command.name() === "seed");
  (seed ?? program.command("seed"))
    .command("platform-superuser")
    .description(
      "make sure that an administrator can sign in with this email; an existing password is replaced and its sessions end",
    )
    .requiredOption(
      "--email <email>",
      "the administrator's email; made, enabled and promoted as needed",
    )
    .option(
      "--password-stdin",
      "read the password from standard input, instead of making a one-time one",
    )
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  $ tenantry seed platform-superuser --email ops@example.com --password-stdin < password.txt",
    )
    // `seed` has a flag --json of its own, which takes the words that come behind it.
    .action(async (_flags: SuperuserFlags, command: Command) =>
      (await import("./access/seed-superuser.ts")).seedPlatformSuperuser(command.optsWithGlobals()),
    );
}
