import type { Command } from "commander";
import { addExample } from "../terminal/run-flags.ts";
import type { AddFlags, StatusFlags, UpdateFlags } from "./db-server-acts.ts";

const load = () => import("./db-server-acts.ts");
const collect = (value: string, before: readonly string[] = []) => [...before, value];

const NAME = ["--name <name>", "the db server's name"] as const;
const JSON_FLAG = ["--json", "one JSON object per db server and line"] as const;

/** Adds the flags that say where a server is and what it may hold. */
const addServerFlags = (command: Command): Command =>
  command
    .optionsGroup("Where it is, and what it may hold:")
    .option("--region <region>", "the region it stands in")
    .option("--host <host>", "host name or IP address")
    .option("--port <number>", "port (a new one: 5432)")
    .option("--tls <mode>", "disable, require or verify-full (a new one: verify-full)")
    .option("--capacity <number>", "how many tenants it is meant to hold (a new one: 1000)")
    .option("--label <key=value>", "note something; can be given more than once", collect)
    .optionsGroup("Its admin's login:")
    .option("--admin-secret <name>", "name of the secret with its admin's login")
    .option("--admin-user <role>", "store this admin's login under that name; with the next flag")
    .option("--admin-database <name>", "the database that it enters (default: postgres)")
    .option("--password-stdin", "read the admin's password from standard input");

/** Adds the commands about db servers. */
export function addDbServerCommands(program: Command): void {
  program.commandsGroup("Db servers:");
  const group = program
    .command("db-server")
    .description("add, list, change and check the servers that tenants are placed on");
  addExample(group, "db-server list");
  const add = group
    .command("add")
    .description("add a db server: enter it, check it, prepare it for tenants")
    .requiredOption(...NAME)
    .option("--kind <kind>", "postgres or citus (default: postgres)")
    .option(...JSON_FLAG);
  addExample(
    addServerFlags(add),
    "db-server add --name eu-1 --region eu-central --host pg1.db.internal \\\n" +
      "      --admin-secret db-server-eu-1 --admin-user tenantry --password-stdin < password.txt",
  ).action(async (flags: AddFlags) => (await load()).addDbServer(flags));
  const list = group
    .command("list")
    .description(
      "list the db servers with their tenants and free places, and the nodes of clusters",
    )
    .option(...JSON_FLAG);
  addExample(list, "db-server list").action(async (flags: { json?: boolean }) =>
    (await load()).listDbServers(flags),
  );
  const update = group
    .command("update")
    .description("change a db server; --status draining keeps new tenants away")
    .requiredOption(...NAME)
    .option("--status <status>", "active, draining or inactive")
    .option("--reason <text>", "why the status changes, for the audit trail")
    .option(...JSON_FLAG);
  addExample(addServerFlags(update), "db-server update --name eu-1 --status draining").action(
    async (flags: UpdateFlags) => (await load()).changeDbServer(flags),
  );
  const check = group
    .command("check")
    .description("enter db servers and look whether tenants can live there; exit code 1 when not")
    .option("--name <name>", "only this db server (default: all)")
    .option(...JSON_FLAG);
  addExample(check, "db-server check").action(async (flags: StatusFlags) =>
    (await load()).checkDbServers(flags),
  );
}
