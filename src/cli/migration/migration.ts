import type { Command } from "commander";
import { addExample } from "../terminal/run-flags.ts";
import type { CheckFlags } from "./check.ts";

/** Adds the commands about migration folders. */
export function addMigrationCommands(program: Command): void {
  program.commandsGroup("Migrations:");
  const migration = program
    .command("migration")
    .description("look after the folder of tenant migrations");
  addExample(migration, "migration check ./migrations");
  const check = migration
    .command("check")
    .argument("[folder]", "the folder (default: TENANT_MIGRATIONS_DIR)")
    .description(
      "say how a folder is read, in which order it is applied, and what of it is refused; exit code 1 for what cannot be applied. Needs no database",
    )
    .option("--migrations-format <format>", "its layout (default: recognised)")
    .option("--migrations-schema <name>", "what the tenant's schema is called in its files")
    .option(
      "--apply",
      "apply it to two scratch databases, at once and file by file, and compare them",
    )
    .option("--db-server <name>", "where the scratch databases are made (default: default)")
    .option("--json", "one JSON object");
  addExample(
    check,
    "migration check ./migrations\n  $ tenantry migration check ./prisma/migrations --migrations-schema public --apply",
  ).action(async (folder: string | undefined, flags: CheckFlags) =>
    (await import("./check.ts")).checkMigrationFolder(folder, flags),
  );
}
