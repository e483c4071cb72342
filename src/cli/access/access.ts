import type { Command } from "commander";
import { wholeNumber } from "../terminal/flag-values.ts";
import { LIMIT, ONCE } from "../terminal/run-flags.ts";
import type { RotateFlags } from "./signing-key-acts.ts";
import type { CreateFlags, TokenListFlags } from "./token-acts.ts";

const tokens = () => import("./token-acts.ts");
const keys = () => import("./signing-key-acts.ts");

const example = (words: string) => `\nExample:\n  $ tenantry ${words}`;

/** Adds the commands about who gets in: service tokens, and the keys that sign access tokens. */
export function addAccessCommands(program: Command): void {
  program.commandsGroup("Access:");
  const token = program
    .command("token")
    .description("make, list and revoke tokens for scripts")
    .addHelpText("after", example("token list"));
  token
    .command("create")
    .description("make a service token; its value is shown once")
    .requiredOption("--name <name>", "what it is for")
    .requiredOption("--role <role>", "administrator, provisioner, support, billing or readonly")
    .option("--expires-in-days <number>", "1 to 366 (default: 90)", wholeNumber)
    .option(...ONCE)
    .option("--json", "one JSON object")
    .addHelpText("after", example("token create --name nightly-migrations --role provisioner"))
    .action(async (flags: CreateFlags) => (await tokens()).createToken(flags));
  token
    .command("list")
    .description("list service tokens, the newest first")
    .option("--all", "also those that are revoked or expired")
    .option(...LIMIT)
    .option("--json", "one JSON object per token and line")
    .addHelpText("after", example("token list --all"))
    .action(async (flags: TokenListFlags) => (await tokens()).listTokens(flags));
  token
    .command("revoke")
    .description(
      "let a service token in no more, nor the tokens that it has made, from this moment on",
    )
    .argument("<id>", "the token's id")
    .option("--json", "one JSON object")
    .addHelpText("after", example("token revoke 01900000-0000-7000-8000-000000000000"))
    .action(async (id: string, flags: { json?: boolean }) =>
      (await tokens()).revokeToken(id, flags),
    );
  const key = program
    .command("signing-key")
    .description("list and rotate the keys that sign access tokens")
    .addHelpText("after", example("signing-key list"));
  key
    .command("list")
    .description("list the signing keys, the newest first")
    .option("--json", "one JSON object per key and line")
    .addHelpText("after", example("signing-key list"))
    .action(async (flags: { json?: boolean }) => (await keys()).listKeys(flags));
  key
    .command("rotate")
    .description("make a new signing key, which signs in five minutes; nobody is signed out")
    .option("--now", "sign with it now and drop every key before it: for a key that was taken")
    .option("--reason <text>", "why, for the audit trail; needed with --now")
    .option("--yes", "do not ask")
    .option("--json", "one JSON object")
    .addHelpText("after", example('signing-key rotate --now --reason "found in a backup" --yes'))
    .action(async (flags: RotateFlags) => (await keys()).rotateKey(flags));
}
