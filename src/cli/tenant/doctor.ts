import { isDomainError } from "../../kernel/domain-error.ts";
import { remediesOf } from "../../operations/health/finding.ts";
import { HealthLook } from "../../operations/health/looks.ts";
import { applyRemedies, type DoctorReport, runDoctor } from "../../operations/health/reconcile.ts";
import type { TenantHealth } from "../../operations/health/tenant-health.ts";
import { seeAllThrough } from "../operation/follow-operation.ts";
import { readOperation } from "../operation/operations.ts";
import { operationJson, showResult, startedJson } from "../operation/show-result.ts";
import { type PlatformSession, runOnPlatform } from "../session.ts";
import { inCommandWords } from "../terminal/command-words.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import type { Output } from "../terminal/output.ts";
import { writeTable } from "../terminal/table.ts";
import { askForRemedies, needsChoice, readRemedies } from "./doctor-remedies.ts";

/** The flags of `tenant doctor`. */
export interface DoctorFlags {
  readonly slug?: string;
  /** True without a list of remedies. */
  readonly fix?: boolean | string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `tenantry tenant doctor`: looks at tenants, mends what is to be mended, and tells the rest. */
export async function doctor(flags: DoctorFlags): Promise<void> {
  const { slug, fix = false, yes = false, json = false } = flags;
  const named = typeof fix === "string" ? readRemedies(fix) : null;
  return await runOnPlatform({ json }, async (session) => {
    const { platform, actor, out } = session;
    const { findings: found } = await runDoctor(platform, actor, { slug, fix: false });
    tell(session, found, json, "FINDING");
    if (fix === false) return end(out, found, json);
    const asks = named === null && !yes && !json && process.stdin.isTTY === true;
    const remedies = named ?? (asks ? await askForRemedies(found) : true);
    const report = await applyRemedies(platform, actor, found, remedies);
    tellFailed(session, report, json);
    if (report.started.length + report.repaired.length === 0 && !json) {
      if (named === null && found.some(({ findings }) => findings.some(needsChoice)))
        out.line("\nWhat is to be done you have to choose: name the remedies, as in --fix=ADOPT");
      return end(out, found, json);
    }
    const interrupted = await mend(session, report, json);
    if (interrupted) {
      end(out, report.findings, json);
      return EXIT.interrupted;
    }
    const findings = await lookAgain(session, slug);
    if (!json && findings.some(({ healthy }) => !healthy)) out.line("\nWhat is left:");
    tell(session, findings, json, "LEFT");
    return end(out, findings, json);
  });
}

/** What is found behind the remedies; nothing of a tenant that is gone. */
async function lookAgain(
  { platform, actor }: PlatformSession,
  slug: string | undefined,
): Promise<readonly TenantHealth[]> {
  try {
    return (await runDoctor(platform, actor, { slug, fix: false })).findings;
  } catch (error) {
    if (isDomainError(error, "E_TENANT_NOT_FOUND")) return [];
    throw error;
  }
}

/** Ends with what the last look has found; answers the exit code. */
function end(out: Output, findings: readonly TenantHealth[], json: boolean): number {
  const unhealthy = findings.filter(({ healthy }) => !healthy).length;
  if (json) {
    const looked = Object.fromEntries(looksAt(findings));
    out.json({ type: "RESULT", tenants: findings.length, unhealthy, looked });
  } else {
    const sign = unhealthy === 0 ? out.style("green", "✔") : out.style("red", "✘");
    out.line(`${sign} ${sentenceOf(findings)}`);
  }
  return unhealthy === 0 ? EXIT.ok : EXIT.failed;
}

/** Sees what was started through; answers whether Ctrl-C ended that. */
async function mend(
  session: PlatformSession,
  { started, resumed, repaired }: DoctorReport,
  json: boolean,
): Promise<boolean> {
  const { api, out } = session;
  for (const told of repaired) {
    if (json) out.json({ type: "REPAIRED", ...told });
    else out.line(`${out.style("green", "✔")} ${told.repair} for ${told.slug ?? "no tenant"}`);
  }
  const [begun, again] = await Promise.all(
    [started, resumed].map((all) => Promise.all(all.map(({ id }) => readOperation(api, id)))),
  );
  if (json) for (const operation of begun ?? []) out.json(startedJson(operation));
  const all = [...(begun ?? []), ...(again ?? [])];
  const { operations, interrupted } = await seeAllThrough(session, all, { json });
  for (const operation of operations) {
    if (json) out.json({ type: "OPERATION", operation: operationJson(operation) });
    else await showResult(out, operation);
  }
  return interrupted;
}

/** Tells of what was to be mended, and could not be. */
function tellFailed({ out }: PlatformSession, report: DoctorReport, json: boolean): void {
  for (const told of report.failed) {
    if (json) out.json({ type: "NOT_REPAIRED", ...told });
    else
      out.line(
        `${out.style("red", "✘")} ${told.repair} for ${told.slug ?? "no tenant"}: ${told.message}`,
      );
  }
}

/** Tells what a look has found: the first one, or the one that shows what is left. */
function tell(
  { out }: PlatformSession,
  healths: readonly TenantHealth[],
  json: boolean,
  type: "FINDING" | "LEFT",
): void {
  const ill = healths.filter(({ healthy }) => !healthy);
  const rows = ill.flatMap(({ tenant, slug, findings }) =>
    findings.map((finding) => ({
      ...{ slug, status: tenant?.status ?? null, code: finding.code, repair: finding.repair },
      ...{ remedies: remediesOf(finding), message: inCommandWords(finding.message) },
    })),
  );
  if (json) {
    for (const row of rows) out.json({ type, ...row });
  } else if (rows.length > 0) {
    writeTable(
      out,
      ["SLUG", "STATUS", "FINDING", "REPAIR", "WHAT WAS FOUND"],
      rows.map(({ slug, status, code, remedies, message }) => [
        ...[slug ?? "", status ?? "", code, remedies.join(" or ")],
        message,
      ]),
    );
  }
}

const WORDS: Record<HealthLook, string> = {
  STATUS: "status",
  OPERATION: "operations",
  LEFTOVERS: "leftovers",
  PLACEMENT: "placement and schema mark",
  ROLES: "roles",
  SECRET: "secret",
  LOGIN: "login",
  LEDGER: "ledger against the registry",
  FOLDER: "ledger against the migration folder",
  INDEXES: "invalid indexes",
  SEEDS: "seeds' ledger",
  LABORATORIES: "organization",
};

/** What was looked at, and of how many tenants. */
const looksAt = (healths: readonly TenantHealth[]): [HealthLook, number][] =>
  HealthLook.options
    .map((look): [HealthLook, number] => [
      look,
      healths.filter(({ looked }) => looked.includes(look)).length,
    ])
    .filter(([, count]) => count > 0);

/** Says what was looked at, so that nobody believes more. */
function sentenceOf(healths: readonly TenantHealth[]): string {
  const tenants = healths.filter(({ tenant }) => tenant !== null).length;
  const found = healths.flatMap(({ findings }) => findings).length;
  const looks = looksAt(healths).map(
    ([look, count]) => WORDS[look] + (count === tenants ? "" : ` (of ${count})`),
  );
  const what = looks.length === 0 ? "" : `: ${looks.join(", ")}`;
  return `Looked at ${counted(tenants, "tenant")}${what}: ${found === 0 ? "nothing found" : counted(found, "finding")}. Tables themselves are not compared.`;
}

const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? "" : "s"}`;
