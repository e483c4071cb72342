import type { Command } from "commander";
import { addExample, GROUPS } from "../terminal/run-flags.ts";
import type { ExportFlags } from "./export.ts";
import type { AuditListFlags } from "./list.ts";
import type { VerifyFlags } from "./verify.ts";

const SINCE = [
  "--since <time>",
  "from then on: 2026-11-21T09:30:00Z, or 90m, 24h, 7d ago",
] as const;
const UNTIL = ["--until <time>", "before then"] as const;

/** Adds the commands about the audit trail. */
export function addAuditCommands(program: Command): void {
  program.commandsGroup("Audit:");
  const audit = program.command("audit").description("read, export and verify the audit trail");
  addExample(audit, "audit list --type ACCESS_REFUSED --since 24h");
  const list = audit
    .command("list")
    .description("list what happened, the newest first")
    .optionsGroup(GROUPS.which)
    .option("--type <types>", "only of these types: TENANT_PURGED,ACCESS_REFUSED, …")
    .option("--slug <slug>", "only about tenants with this slug")
    .option("--tenant-id <id>", "only about this tenant")
    .option("--actor-kind <kind>", "only of such actors: user, service-token, os-user, identity, …")
    .option("--actor <id>", "only of this actor: the id, or login@host")
    .option("--operation <id>", "only of this operation")
    .option("--address <address>", "only of requests from this network address")
    .option(...SINCE)
    .option(...UNTIL)
    .optionsGroup(GROUPS.shown)
    .option("--limit <number>", "at most so many", "20")
    .option("--json", "one JSON object per event and line");
  addExample(list, "audit list --type ACCESS_REFUSED,SIGN_IN_FAILED --since 24h").action(
    async (flags: AuditListFlags) => (await import("./list.ts")).listAudit(flags),
  );
  const exporting = audit
    .command("export")
    .description(
      "write the trail in its order, with its hashes: a file that can be verified by itself",
    )
    .option("--format <format>", "jsonl or csv", "jsonl")
    .option(...SINCE)
    .option(...UNTIL)
    .option("--after <sequence>", "only what comes behind this row: where an export before ended")
    .option("--out <file>", "write a new file instead of standard output; only you can read it");
  addExample(
    exporting,
    "audit export --since 2026-11-01 --until 2026-12-01 --out november.jsonl",
  ).action(async (flags: ExportFlags) => (await import("./export.ts")).exportAudit(flags));
  const verify = audit
    .command("verify")
    .description("recompute the trail's chain; exit code 1 when a row was changed or removed")
    .option("--file <file>", "an exported file instead of the database; needs no database")
    .option("--noted <sequence:hash>", "a row that must still have the hash that it had before")
    .option("--json", "one JSON object");
  addExample(verify, "audit verify --file november.jsonl").action(async (flags: VerifyFlags) =>
    (await import("./verify.ts")).verifyAudit(flags),
  );
}
