import type {
  CommandMendingFragment,
  CommandMendTenantsMutation,
  HealthLook,
} from "../../client/generated/graphql.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import { type Api, payloadOf } from "../api/api.ts";
import { seeAllThrough } from "../operation/follow-operation.ts";
import { operationJson, showResult, startedJson } from "../operation/show-result.ts";
import { runAnywhere, type Session } from "../session.ts";
import { inCommandWords } from "../terminal/command-words.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { givenFields } from "../terminal/flag-values.ts";
import type { Output } from "../terminal/output.ts";
import { writeTable } from "../terminal/table.ts";
import { LookAtTenants, MendTenants } from "./doctor-documents.ts";
import {
  askForRemedies,
  type Health,
  needsChoice,
  readRemedies,
  remediesOf,
} from "./doctor-remedies.ts";

type Done = Extract<CommandMendTenantsMutation["mendTenants"], { readonly mended: unknown }>;

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
  const named = typeof fix === "string" ? readRemedies(fix) : undefined;
  return await runAnywhere({ json }, async (session) => {
    const { api, out } = session;
    const found = await look(api, slug);
    tell(session, found, json, "FINDING");
    if (fix === false || found.every(({ healthy }) => healthy)) return end(out, found, json);
    const asks = named === undefined && !yes && !json && process.stdin.isTTY === true;
    const input = givenFields({ slug, ...(asks ? await agreed(found) : { remedies: named }) });
    const done = payloadOf((await api.execute(MendTenants, { input })).mendTenants);
    tellFailed(session, done, found, json);
    if (done.mended.length === 0 && !json) {
      const findings = found.flatMap((health) => health.findings);
      if (named === undefined && findings.some(needsChoice))
        out.line("\nWhat is to be done you have to choose: name the remedies, as in --fix=ADOPT");
      else if (done.failed.length === 0)
        out.line("\nNothing was mended: what was found says what to do by hand.");
      return end(out, found, json);
    }
    const interrupted = await seeMended(session, done, found, json);
    if (interrupted) {
      end(out, found, json);
      return EXIT.interrupted;
    }
    const left = await lookAgain(api, slug);
    if (!json && left.some(({ healthy }) => !healthy)) out.line("\nWhat is left:");
    tell(session, left, json, "LEFT");
    return end(out, left, json);
  });
}

/** What somebody at the terminal agrees to: of the tenants that were shown, and no others. */
async function agreed(found: readonly Health[]) {
  const ill = found.filter(({ healthy }) => !healthy);
  const slugs = ill.map(({ slug }) => slug).filter((slug) => slug !== null);
  return { remedies: await askForRemedies(found), slugs };
}

const look = async (api: Api, slug: string | undefined): Promise<readonly Health[]> =>
  (await api.execute(LookAtTenants, { slug: slug ?? null })).tenantHealth;

/** What is found behind the remedies; nothing of a tenant that is gone. */
async function lookAgain(api: Api, slug: string | undefined): Promise<readonly Health[]> {
  try {
    return await look(api, slug);
  } catch (error) {
    if (isDomainError(error, "E_TENANT_NOT_FOUND")) return [];
    throw error;
  }
}

/** Ends with what the last look has found; answers the exit code. */
function end(out: Output, findings: readonly Health[], json: boolean): number {
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
async function seeMended(
  session: Session,
  { mended, operations }: Done,
  found: readonly Health[],
  json: boolean,
): Promise<boolean> {
  const { out } = session;
  for (const told of mended) {
    if (json) out.json({ type: "REPAIRED", ...toldJson(told, found) });
    else out.line(`${out.style("green", "✔")} ${told.repair} for ${told.slug ?? "no tenant"}`);
  }
  // One that was there before was not started, but put back on the queue.
  const known = new Set(found.map(({ operation }) => operation?.id));
  const started = operations.filter(({ id }) => !known.has(id));
  if (json) for (const operation of started) out.json(startedJson(operation));
  const watched = await seeAllThrough(session, operations, { json });
  for (const operation of watched.operations) {
    if (json) out.json({ type: "OPERATION", operation: operationJson(operation) });
    else await showResult(out, operation);
  }
  return watched.interrupted;
}

/** Tells of what was to be mended, and could not be. */
function tellFailed(
  { out }: Session,
  { failed }: Done,
  found: readonly Health[],
  json: boolean,
): void {
  for (const told of failed) {
    if (json) out.json({ type: "NOT_REPAIRED", ...toldJson(told, found) });
    else
      out.line(
        `${out.style("red", "✘")} ${told.repair} for ${told.slug ?? "no tenant"}: ${told.message}`,
      );
  }
}

/** What became of a finding, as scripts read it: with the remedies beside the one that suggested itself. */
function toldJson(told: CommandMendingFragment, found: readonly Health[]) {
  const finding = found
    .flatMap(({ slug, findings }) => (slug === told.slug ? findings : []))
    .find(({ code }) => code === told.code);
  const others = finding ? remediesOf(finding).filter((repair) => repair !== finding.repair) : [];
  return { ...told, ...(others.length > 0 ? { others } : {}) };
}

/** Tells what a look has found: the first one, or the one that shows what is left. */
function tell(
  { out }: Session,
  healths: readonly Health[],
  json: boolean,
  type: "FINDING" | "LEFT",
): void {
  const ill = healths.filter(({ healthy }) => !healthy);
  const rows = ill.flatMap(({ tenant, slug, findings }) =>
    findings.map((finding) => ({
      slug,
      status: tenant?.status ?? null,
      code: finding.code,
      repair: finding.repair,
      remedies: remediesOf(finding),
      message: inCommandWords(finding.message),
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

/** In the order in which they are told. */
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
const looksAt = (healths: readonly Health[]): [HealthLook, number][] =>
  (Object.keys(WORDS) as HealthLook[])
    .map((look): [HealthLook, number] => [
      look,
      healths.filter(({ looked }) => looked.includes(look)).length,
    ])
    .filter(([, count]) => count > 0);

/** Says what was looked at, so that nobody believes more. */
function sentenceOf(healths: readonly Health[]): string {
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
