import { isTransient } from "../../database/faults.ts";
import { fencedBy, isFenced } from "../../database/fence.ts";
import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { DomainError, isDomainError } from "../../kernel/domain-error.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { settleSecret } from "../credentials/noted-secret.ts";
import { raiseTokens } from "../engine/fence-tokens.ts";
import type { Operation } from "../engine/operation.entity.ts";
import { startOnTenant } from "../start/start-on-tenant.ts";
import { adopt } from "./adopt.ts";
import { markFailed, setLogin } from "./direct-repairs.ts";
import { dropMarked } from "./drop-marked.ts";
import type { FindingCode, Repair } from "./finding.ts";
import { followSecret, followStatus } from "./follow-server.ts";
import { enqueueAgain, settleLost } from "./lost-operation.ts";
import type { Marked } from "./orphans.ts";
import type { RepairPorts } from "./ports.ts";
import type { TenantHealth } from "./tenant-health.ts";
import { resumeUnowned } from "./unowned-operation.ts";

/** What came of one remedy. */
export interface Outcome {
  readonly done: boolean;
  readonly started?: Operation;
  readonly resumed?: Operation;
  readonly why?: string;
}

interface Remedy {
  readonly repair: Repair;
  readonly code: FindingCode;
}

/** Times that a remedy is tried; the session may have ended as it was taken from a pool. */
const ATTEMPTS = 3;

/** Applies one remedy; a refusal is an answer, since the world moved on meanwhile. */
export async function mend(
  ports: RepairPorts,
  actor: Actor,
  health: TenantHealth,
  remedy: Remedy,
): Promise<Outcome> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await apply(ports, actor, health, remedy);
    } catch (error) {
      if (isDomainError(error)) return { done: false, why: error.message };
      if (attempt < ATTEMPTS && (await isWorthAnother(ports, error))) continue;
      // One tenant's fault must not keep the others from being mended.
      ports.log.error({ err: error, slug: health.slug, repair: remedy.repair }, "repair failed");
      return { done: false, why: "it could not be mended, see the log" };
    }
}

/**
 * Whether a remedy that failed is worth another attempt. Where the platform database was restored from a
 * dump, it is once the tokens are raised above what the server has seen.
 */
const isWorthAnother = async ({ orm }: RepairPorts, error: unknown): Promise<boolean> =>
  isTransient(error) ||
  (isFenced(error) && (await raiseTokens(orm.em as EntityManager, fencedBy(error))));

async function apply(
  ports: RepairPorts,
  actor: Actor,
  { operation, marked, tenant }: TenantHealth,
  remedy: Remedy,
): Promise<Outcome> {
  const { repair } = remedy;
  if (operation && repair === "SETTLE")
    return { done: await settleLost(ports, actor, operation.id) };
  if (operation && repair === "ENQUEUE")
    return { done: await enqueueAgain(ports, actor, operation.id) };
  if (operation && repair === "RESUME") {
    const resumed = await resumeUnowned(ports, actor, operation.id);
    return resumed ? { done: true, resumed } : { done: false };
  }
  if (repair === "ADOPT" || repair === "DROP")
    return await onMarked(marked, (each) =>
      repair === "ADOPT" ? adopt(ports, actor, each) : dropMarked(ports, actor, each),
    );
  return tenant ? await onTenant(ports, actor, tenant, remedy) : NO_TENANT;
}

const NO_TENANT: Outcome = { done: false, why: "there is no tenant" };

/** Works on what bears a mark, on each server where something does. */
async function onMarked(
  marked: readonly Marked[],
  work: (marked: Marked) => Promise<boolean>,
): Promise<Outcome> {
  let done = marked.length > 0;
  for (const each of marked) if (!(await work(each))) done = false;
  return { done };
}

async function onTenant(
  ports: RepairPorts,
  actor: Actor,
  tenant: Tenant,
  { repair, code }: Remedy,
): Promise<Outcome> {
  const target = { tenantId: tenant.id, slug: tenant.slug, finding: code };
  const begin = (input: Record<string, unknown>) => start(ports, actor, tenant, repair, input);
  switch (repair) {
    case "SET_LOGIN":
      return { done: await setLogin(ports, actor, target) };
    case "MARK_FAILED":
      return { done: await markFailed(ports, actor, target) };
    case "FOLLOW_STATUS":
      return { done: await followStatus(ports, actor, target) };
    case "PUT_SECRET_BACK":
      return { done: (await settleSecret(ports, tenant.secretName, actor)) !== "LEFT" };
    case "FOLLOW_SECRET":
      return { done: await followSecret(ports, actor, target) };
    case "MIGRATE":
      return await begin({ to: isNew(code) ? null : tenant.schemaVersion });
    case "SEED":
      return await begin({ sets: tenant.seedSets });
    case "ROTATE_CREDENTIALS":
      return await begin({
        gracePeriodSeconds: 0,
        endGrace: true,
        reason: `asked of the doctor: ${code}`,
      });
    case "RETIRE_CREDENTIALS":
    case "SET_LIMITS":
      return await begin({});
    case "CLEANUP":
      return await begin({ dropSchema: true });
    case "PURGE":
      return await begin({ immediately: true, reason: `asked of the doctor: ${code}` });
    default:
      return { done: false, why: "it is not done unasked" };
  }
}

/** A schema that is made anew gets every migration; one that is there stays at its version. */
const isNew = (code: FindingCode): boolean =>
  code === "SCHEMA_MISSING" || code === "DATABASE_MISSING" || code === "BEHIND";

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
