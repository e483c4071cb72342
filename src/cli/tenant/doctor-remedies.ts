import type { CommandTenantHealthQuery } from "../../client/generated/graphql.ts";
import { deletes, REPAIRS, type Repair } from "../../operations/health/finding.ts";
import { isAgreed } from "../terminal/confirm.ts";
import { UsageError } from "../terminal/exit-codes.ts";

/** What was looked at of a tenant, and what was found. */
export type Health = CommandTenantHealthQuery["tenantHealth"][number];

interface Finding {
  readonly safe: boolean;
  readonly remedies: readonly { readonly repair: Repair }[];
}

interface Ill {
  readonly slug: string | null;
  readonly findings: readonly Finding[];
}

/** Each remedy as the doctor asks for it, before the names of tenants. */
const ASKED: Record<Repair, string> = {
  SETTLE: "End the lost operations of",
  ENQUEUE: "Put the operations on the queue again of",
  RESUME: "Put the operations that nobody runs back on the queue, of",
  MARK_FAILED: "Give the status FAILED to",
  ADOPT: "Take back into the registry, as the db server tells of them, without their people",
  PUT_SECRET_BACK: "Store what the current version of the secret holds as the newest again, of",
  FOLLOW_SECRET: "Let the registry take over the login that the secret leads to, of",
  ROTATE_CREDENTIALS:
    "Give a new login, which the applications have to read from their secrets, to",
  FOLLOW_STATUS: "Let the registry take over the status that the logins have, of",
  SET_LOGIN: "Open and close logins as the registry says, of",
  SET_LIMITS: "Set the limits of logins, which applications with more sessions will meet, of",
  MIGRATE: "Migrate",
  SEED: "Seed",
  RETIRE_CREDENTIALS: "Close the old login of",
  DROP: "DROP what bears the mark of a tenant that the registry does not know",
  CLEANUP: "DROP what remains of the failed tenants",
  PURGE: "PURGE for good",
};

/** Tenants that a question names; the rest is counted. */
const NAMED = 20;

/** @throws UsageError for what is no remedy */
export function readRemedies(given: string): Repair[] {
  const names = given.split(",").map((name) => name.trim().toUpperCase().replaceAll("-", "_"));
  const unknown = names.find((name) => !(REPAIRS as readonly string[]).includes(name));
  if (unknown === undefined) return names as Repair[];
  throw new UsageError(`There is no remedy '${unknown}'; there are ${REPAIRS.join(", ")}`);
}

/** The remedies of a finding, the one that suggests itself first. */
export const remediesOf = ({ remedies }: Finding): Repair[] => remedies.map(({ repair }) => repair);

/**
 * Asks for each kind of remedy that something needs, with the tenants that it would be applied to. What was
 * agreed to for a finding leaves no other remedy of it to be asked for.
 */
export async function askForRemedies(
  healths: readonly Ill[],
  ask: (question: string) => Promise<boolean> = isAgreed,
): Promise<Repair[]> {
  const chosen: Repair[] = [];
  for (const repair of REPAIRS) {
    const waiting = healths.filter(({ findings }) =>
      findings.some((finding) => isOpen(finding, chosen) && remediesOf(finding).includes(repair)),
    );
    if (waiting.length === 0) continue;
    if (await ask(questionOf(repair, waiting))) chosen.push(repair);
  }
  return chosen;
}

const isOpen = (finding: Finding, chosen: readonly Repair[]): boolean =>
  !remediesOf(finding).some((repair) => chosen.includes(repair));

function questionOf(repair: Repair, healths: readonly Ill[]): string {
  const names = [...new Set(healths.map(({ slug }) => slug ?? "a dry run"))];
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  const back = deletes(repair) ? " This does not come back." : "";
  return `${repair}: ${ASKED[repair]} (${names.slice(0, NAMED).join(", ")}${more})?${back}`;
}

/** Whether nothing of it is done without somebody who chooses. */
export const needsChoice = ({ safe, remedies }: Finding): boolean => !safe && remedies.length > 0;
