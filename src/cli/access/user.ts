import type { Command } from "commander";
import { addExample, LIMIT, ONCE } from "../terminal/run-flags.ts";
import type { CreateFlags, ListFlags, RoleFlags, UserFlags } from "./user-acts.ts";

const load = () => import("./user-acts.ts");

const EMAIL = ["--email <email>", "the user's email"] as const;
const JSON_FLAG = ["--json", "one JSON object per user and line"] as const;
const ROLE = "ADMINISTRATOR, PROVISIONER, SUPPORT, BILLING or READONLY";

/** Adds the commands about platform users. */
export function addUserCommands(program: Command): void {
  program.commandsGroup("Platform users:");
  const group = program
    .command("user")
    .description("create, list, change and shut out the people who work with Tenantry");
  addExample(group, "user list");
  const create = group
    .command("create")
    .description("create a platform user; shows a one-time password, once")
    .requiredOption(...EMAIL)
    .requiredOption("--name <name>", "the user's name")
    .requiredOption("--role <role>", ROLE)
    .option("--password-stdin", "read the password from standard input instead")
    .option(...ONCE)
    .option(...JSON_FLAG);
  addExample(
    create,
    'user create --email ada@example.com --name "Ada Byron" --role provisioner',
  ).action(async (flags: CreateFlags) => (await load()).createUser(flags));
  const list = group
    .command("list")
    .description("list platform users, the newest first")
    .option("--role <role>", ROLE)
    .option("--disabled", "only those who are disabled")
    .option("--text <text>", "part of the email or the name")
    .option(...LIMIT)
    .option(...JSON_FLAG);
  addExample(list, "user list --role administrator").action(async (flags: ListFlags) =>
    (await load()).listUsers(flags),
  );
  const setRole = group
    .command("set-role")
    .description("give a user another role, from its next request on")
    .requiredOption(...EMAIL)
    .requiredOption("--role <role>", ROLE)
    .option(...JSON_FLAG);
  addExample(setRole, "user set-role --email ada@example.com --role support").action(
    async (flags: RoleFlags) => (await load()).setRole(flags),
  );
  for (const [name, description] of [
    ["disable", "shut a user out: its tokens stop working at once"],
    ["enable", "let a disabled user sign in again"],
    ["reset-password", "replace the password by a one-time password, and end all sessions"],
    ["sign-out", "end all sessions of a user, who may sign in again"],
  ] as const) {
    const command = group
      .command(name)
      .description(description)
      .option(...EMAIL)
      .option("--id <id>", "its id instead, as the list has it: for users of single sign-on")
      .option(...JSON_FLAG);
    if (name === "disable") {
      command.option("--revoke-tokens", "also revoke the service tokens that the user has made");
    }
    if (name === "reset-password") command.option(...ONCE);
    addExample(command, `user ${name} --email ada@example.com`).action(async (flags: UserFlags) =>
      (await load()).changeUser(name, flags),
    );
  }
}
