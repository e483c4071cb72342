import { z } from "zod";
import { openLoss } from "../../audit/lost-history.ts";
import type { Actor } from "../../iam/actor.ts";
import { type Described, describedObject } from "../../kernel/described.ts";
import type { Operation } from "../engine/operation.entity.ts";
import { type Finding, FindingCode, isSafe, Repair } from "./finding.ts";
import { mend } from "./mend.ts";
import type { RepairPorts } from "./ports.ts";
import type { TenantHealth } from "./tenant-health.ts";

export const Mending = describedObject("HealthMending", "What became of one finding.", {
  slug: z
    .string()
    .nullable()
    .describe("The slug of the tenant that it is about, as far as it is known."),
  code: FindingCode.describe("What was wrong."),
  repair: Repair.nullable().describe("The remedy that was applied to it."),
  message: z.string().meta({
    description: "What was wrong, for people; where it could not be mended, with the reason.",
    namesSecrets: true,
  }),
});
export type Reported = Described<typeof Mending>;

/** What came of a round of repairs. */
export interface Repaired {
  readonly repaired: readonly Reported[];
  /** What was left alone, or could not be mended; the message says why. */
  readonly reported: readonly Reported[];
  /** Of these, what was chosen and could not be mended. */
  readonly failed: readonly Reported[];
  readonly started: readonly Operation[];
  /** Operations that nobody ran, and that are on the queue again. */
  readonly resumed: readonly Operation[];
}

/** Which remedy is applied to a finding; null for none. */
export type Choose = (finding: Finding) => Repair | null;

/** What is done unless somebody chooses. */
export const unasked: Choose = (finding) => (isSafe(finding) ? finding.repair : null);

/**
 * What is done by itself, as a worker starts. Limits wait for a person: a setting that was changed can mean
 * an operation on every tenant, and applications that are refused connections.
 */
export const byItself: Choose = (finding) =>
  finding.repair === "SET_LIMITS" ? null : unasked(finding);

const TOO_MANY = "too many are missing on its server at once";

/** As many tenants may lose their schema before somebody has to check the server. */
const FEW = 10;

/**
 * Mends what was chosen of the findings: one operation for each tenant, the first that is needed. What else
 * there is to do for a tenant shows in its next examination.
 *
 * @param choose what is safe, unless given
 * @param tried what was tried before (`slug repair code`) and is not tried again; it is added to
 */
export async function repairAll(
  ports: RepairPorts,
  actor: Actor,
  healths: readonly TenantHealth[],
  choose: Choose = unasked,
  tried: Set<string> = new Set(),
): Promise<Repaired> {
  const repaired: Reported[] = [];
  const reported: Reported[] = [];
  const failed: Reported[] = [];
  const started: Operation[] = [];
  const resumed: Operation[] = [];
  const emptied = emptiedServers(healths);
  const lost = await isHistoryLost(ports, healths);
  for (const health of healths) {
    let busy = false;
    for (const finding of health.findings) {
      const chosen = choose(finding);
      const entry = { slug: health.slug, ...finding, repair: chosen ?? finding.repair };
      const key = `${entry.slug} ${chosen} ${finding.code}`;
      const isGone = isEmpty(finding) && emptied.has(health.tenant?.dbServerId ?? "");
      if (isGone && chosen !== "PURGE") {
        (chosen === null ? reported : failed).push(because(entry, TOO_MANY));
      } else if (lost && (choose === unasked || choose === byItself) && chosen !== null) {
        reported.push(because(entry, "the platform database has lost something"));
      } else if (chosen === null || tried.has(key) || busy) {
        reported.push(entry);
      } else {
        tried.add(key);
        const outcome = await mend(ports, actor, health, { repair: chosen, code: finding.code });
        if (outcome.started) started.push(outcome.started);
        if (outcome.resumed) resumed.push(outcome.resumed);
        busy = outcome.started !== undefined;
        if (outcome.done) repaired.push(entry);
        else failed.push(because(entry, outcome.why ?? "it has changed meanwhile"));
      }
    }
  }
  return { repaired, reported: [...reported, ...failed], failed, started, resumed };
}

/** Whether the registry may be older than the db servers, so that what contradicts it may be right. */
const isHistoryLost = async ({ orm }: RepairPorts, healths: readonly TenantHealth[]) =>
  healths.some(({ findings }) => findings.some(({ code }) => code === "HISTORY_LOST")) ||
  (await openLoss(orm.em.fork())) !== null;

const because = (entry: Reported, why: string): Reported => ({
  ...entry,
  message: `${entry.message} (${why})`,
});

/** Whether nothing of a tenant's data is there. */
const isEmpty = ({ code }: Pick<Finding, "code">): boolean =>
  code === "SCHEMA_MISSING" || code === "DATABASE_MISSING";

/**
 * The servers where so many tenants lost their schema that the server is the fault, or a restore is
 * under way: empty schemas in their place would make it worse.
 */
function emptiedServers(healths: readonly TenantHealth[]): Set<string> {
  const missing = new Map<string, number>();
  for (const { tenant, findings } of healths) {
    if (!tenant?.dbServerId || !findings.some(isEmpty)) continue;
    missing.set(tenant.dbServerId, (missing.get(tenant.dbServerId) ?? 0) + 1);
  }
  return new Set([...missing].filter(([, count]) => count > FEW).map(([id]) => id));
}
