import { openLoss } from "../../audit/lost-history.ts";
import type { Actor } from "../../iam/actor.ts";
import { DomainError, isDomainError } from "../../kernel/domain-error.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import type { Operation } from "../engine/operation.entity.ts";
import { startOnTenant } from "../parts/start-on-tenant.ts";
import { markFailed, setLogin } from "./direct-repairs.ts";
import { type Finding, isSafe, type Repair } from "./finding.ts";
import { enqueueAgain, settleLost } from "./lost-operation.ts";
import type { RepairPorts } from "./ports.ts";
import type { TenantHealth } from "./tenant-health.ts";
import { resumeUnowned } from "./unowned-operation.ts";

/** One finding of one tenant; the slug is null for what belongs to no tenant. */
export interface Told {
  readonly slug: string | null;
  readonly code: Finding["code"];
  readonly message: string;
  readonly repair: Repair | null;
}

/** What came of a round of repairs. */
export interface Repaired {
  readonly repaired: readonly Told[];
  /** What was left alone, or could not be mended; the message says why. */
  readonly reported: readonly Told[];
  readonly started: readonly Operation[];
  /** Operations that nobody ran, and that are on the queue again. */
  readonly resumed: readonly Operation[];
}

interface Outcome {
  readonly done: boolean;
  readonly started?: Operation;
  readonly resumed?: Operation;
  readonly why?: string;
}

/** As many tenants may lose their schema before somebody has to look at the server. */
const FEW = 10;

/**
 * Mends what is safe to mend of the findings: one operation for each tenant, the first that is
 * needed. What else there is to do for a tenant shows when it is looked at again.
 *
 * @param tried what was tried before (`slug repair code`) and is not tried again; it is added to
 */
export async function repairAll(
  ports: RepairPorts,
  actor: Actor,
  healths: readonly TenantHealth[],
  tried: Set<string> = new Set(),
): Promise<Repaired> {
  const repaired: Told[] = [];
  const reported: Told[] = [];
  const started: Operation[] = [];
  const resumed: Operation[] = [];
  const emptied = emptiedServers(healths);
  const lost = await isHistoryLost(ports, healths);
  for (const health of healths) {
    let busy = false;
    for (const finding of health.findings) {
      const told = tellOf(health, finding);
      const key = `${told.slug} ${finding.repair} ${finding.code}`;
      if (isEmpty(finding) && emptied.has(health.tenant?.dbServerId ?? "")) {
        reported.push(because(told, "too many are missing on its server at once"));
      } else if (lost && isSafe(finding)) {
        reported.push(because(told, "the platform database has lost something"));
      } else if (!isSafe(finding) || tried.has(key) || busy) {
        reported.push(told);
      } else {
        tried.add(key);
        const outcome = await mend(ports, actor, health, finding);
        if (outcome.started) started.push(outcome.started);
        if (outcome.resumed) resumed.push(outcome.resumed);
        busy = outcome.started !== undefined;
        if (outcome.done) repaired.push(told);
        else reported.push(because(told, outcome.why ?? "it has changed meanwhile"));
      }
    }
  }
  return { repaired, reported, started, resumed };
}

/** Whether the registry may be older than the db servers, so that what contradicts it may be right. */
const isHistoryLost = async ({ orm }: RepairPorts, healths: readonly TenantHealth[]) =>
  healths.some(({ findings }) => findings.some(({ code }) => code === "HISTORY_LOST")) ||
  (await openLoss(orm.em.fork())) !== null;

const tellOf = ({ tenant, operation }: TenantHealth, finding: Finding): Told => ({
  slug: tenant?.slug ?? operation?.subjectName ?? null,
  ...finding,
});

const because = (told: Told, why: string): Told => ({
  ...told,
  message: `${told.message} (${why})`,
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

/** Does what mends one finding; a refusal is an answer, since the world moved on meanwhile. */
async function mend(
  ports: RepairPorts,
  actor: Actor,
  { tenant, operation }: TenantHealth,
  { repair, code }: Finding,
): Promise<Outcome> {
  try {
    if (operation && repair === "SETTLE")
      return { done: await settleLost(ports, actor, operation.id) };
    if (operation && repair === "ENQUEUE")
      return { done: await enqueueAgain(ports, actor, operation.id) };
    if (operation && repair === "RESUME") {
      const resumed = await resumeUnowned(ports, actor, operation.id);
      return resumed ? { done: true, resumed } : { done: false };
    }
    if (!tenant) return { done: false, why: "there is no tenant" };
    const deed = { tenantId: tenant.id, slug: tenant.slug, finding: code };
    if (repair === "SET_LOGIN") return { done: await setLogin(ports, actor, deed) };
    if (repair === "MARK_FAILED") return { done: await markFailed(ports, actor, deed) };
    if (repair === "MIGRATE")
      return await start(ports, actor, tenant, repair, migrateAs(tenant, code));
    if (repair === "RETIRE_CREDENTIALS") return await start(ports, actor, tenant, repair, {});
    if (repair === "SEED")
      return await start(ports, actor, tenant, repair, { sets: tenant.seedSets });
    return { done: false, why: "it is not done unasked" };
  } catch (error) {
    if (isDomainError(error)) return { done: false, why: error.message };
    // One tenant's fault must not keep the others from being mended.
    ports.log.error({ err: error, slug: tenant?.slug, repair }, "repair failed");
    return { done: false, why: "it could not be mended, see the log" };
  }
}

/** A schema that is made anew gets every migration; one that is there stays at its version. */
const migrateAs = ({ schemaVersion }: Tenant, code: Finding["code"]) => ({
  to: isEmpty({ code }) ? null : schemaVersion,
});

async function start(
  ports: RepairPorts,
  actor: Actor,
  { slug }: Tenant,
  kind: string,
  input: Record<string, unknown>,
): Promise<Outcome> {
  const definition = ports.definitions.get(kind);
  if (!definition) throw new DomainError("E_UNSUPPORTED", { message: `There is no ${kind}` });
  const options = { dryRun: false, idempotencyKey: null };
  const { operation } = await startOnTenant(ports, actor, definition, { slug, ...input }, options);
  return { done: true, started: operation };
}
