import type { EntityManager } from "../../database/orm.ts";
import { OperationPhaseEntity } from "../engine/operation.entity.ts";
import type { Outcome } from "../engine/phase.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { ProvisionRun } from "./run.ts";

/** Makes the tenant ACTIVE: everything of it stands and was verified. */
export async function registerTenant(
  ports: TenantPorts,
  run: ProvisionRun,
  em: EntityManager,
): Promise<undefined> {
  const { schemaVersion = null, migrationsApplied = 0, seedSets = [] } = run.facts;
  const active = { status: "ACTIVE", activatedAt: ports.clock() } as const;
  const found = { schemaVersion, migrationsApplied, seedSets: [...seedSets] };
  await run.update(em, { ...active, ...found }, ["PROVISIONING"]);
}

/** Takes the tenant back to PROVISIONING, while what it consists of is being undone. */
export async function unregisterTenant(run: ProvisionRun, em: EntityManager): Promise<void> {
  const unset = { schemaVersion: null, migrationsApplied: 0, seedSets: [], activatedAt: null };
  await run.update(em, { status: "PROVISIONING", ...unset }, ["ACTIVE"]);
}

/**
 * Gives the reserved place on the db server back. It is kept while the undo of another phase has
 * failed: what was left behind lies there, and the retry has to find it.
 */
export async function releasePlacement(run: ProvisionRun, em: EntityManager): Promise<void> {
  const stuck = { operationId: run.operationId, state: "UNDO_FAILED" as const };
  if ((await em.count(OperationPhaseEntity, stuck)) > 0) return;
  await run.update(em, { dbServerId: null, databaseName: null });
}

/** Writes what a provisioning that did not succeed means for its tenant: FAILED, with the reason. */
export async function settleProvisioning(
  run: ProvisionRun,
  em: EntityManager,
  outcome: Outcome,
): Promise<void> {
  if (outcome.state === "SUCCEEDED" || run.dryRun) return;
  const { code, message, phase } = outcome.error;
  await run.update(em, { status: "FAILED", failureCode: code, failureMessage: message });
  run.record(em, "TENANT_PROVISION_FAILED", { code, phase, undone: outcome.undone });
}

/** Records the one TENANT_PROVISIONED fact. */
export async function recordProvisioned(run: ProvisionRun, em: EntityManager): Promise<undefined> {
  const { dbServer = "", schemaVersion = null, migrationsApplied = 0 } = run.facts;
  const { isolation } = run.input;
  const detail = { dbServer, isolation, schemaVersion, migrationsApplied };
  run.record(em, "TENANT_PROVISIONED", detail);
}
