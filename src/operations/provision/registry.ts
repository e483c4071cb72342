import { record } from "../../audit/record.ts";
import type { EntityManager } from "../../database/orm.ts";
import { TenantEntity } from "../../tenants/tenant.entity.ts";
import { OperationPhaseEntity } from "../engine/operation.entity.ts";
import type { Outcome } from "../engine/phase.ts";
import type { TenantPorts } from "../parts/tenant-ports.ts";
import type { ProvisionRun } from "./ports.ts";

/** Makes the tenant ACTIVE: everything of it stands and was verified. */
export async function registerTenant(
  ports: TenantPorts,
  run: ProvisionRun,
  em: EntityManager,
): Promise<undefined> {
  const now = ports.clock();
  await em.nativeUpdate(
    TenantEntity,
    { id: tenantIdOf(run), status: "PROVISIONING" },
    {
      status: "ACTIVE",
      schemaVersion: run.facts.schemaVersion ?? null,
      migrationsApplied: run.facts.migrationsApplied ?? 0,
      seedSets: [...(run.facts.seedSets ?? [])],
      activatedAt: now,
      updatedAt: now,
    },
  );
}

/** Takes the tenant back to PROVISIONING, while what it consists of is being undone. */
export async function unregisterTenant(
  ports: TenantPorts,
  run: ProvisionRun,
  em: EntityManager,
): Promise<void> {
  await em.nativeUpdate(
    TenantEntity,
    { id: tenantIdOf(run), status: "ACTIVE" },
    {
      status: "PROVISIONING",
      schemaVersion: null,
      migrationsApplied: 0,
      seedSets: [],
      activatedAt: null,
      updatedAt: ports.clock(),
    },
  );
}

/**
 * Gives the reserved place on the db server back. It is kept while the undo of another phase has
 * failed: what was left behind lies there, and the retry has to find it.
 */
export async function releasePlacement(
  ports: TenantPorts,
  run: ProvisionRun,
  em: EntityManager,
): Promise<void> {
  const stuck = { operationId: run.operationId, state: "UNDO_FAILED" as const };
  if ((await em.count(OperationPhaseEntity, stuck)) > 0) return;
  await em.nativeUpdate(
    TenantEntity,
    { id: tenantIdOf(run) },
    { dbServerId: null, databaseName: null, updatedAt: ports.clock() },
  );
}

/** Writes what a provisioning that did not succeed means for its tenant: FAILED, with the reason. */
export async function settleProvisioning(
  ports: TenantPorts,
  run: ProvisionRun,
  em: EntityManager,
  outcome: Outcome,
): Promise<void> {
  if (outcome.state === "SUCCEEDED" || run.dryRun) return;
  const id = tenantIdOf(run);
  const { code, message, phase } = outcome.error;
  await em.nativeUpdate(
    TenantEntity,
    { id },
    { status: "FAILED", failureCode: code, failureMessage: message, updatedAt: ports.clock() },
  );
  record(
    em,
    { ...run.requester, address: null },
    {
      type: "TENANT_PROVISION_FAILED",
      tenant: { id, slug: run.subjectName },
      operationId: run.operationId,
      detail: { code, phase, undone: outcome.undone },
    },
  );
}

/** Records the one TENANT_PROVISIONED fact. */
export async function recordProvisioned(run: ProvisionRun, em: EntityManager): Promise<undefined> {
  record(
    em,
    { ...run.requester, address: null },
    {
      type: "TENANT_PROVISIONED",
      tenant: { id: tenantIdOf(run), slug: run.subjectName },
      operationId: run.operationId,
      detail: {
        dbServer: run.facts.dbServer ?? "",
        isolation: run.input.isolation,
        schemaVersion: run.facts.schemaVersion ?? null,
        migrationsApplied: run.facts.migrationsApplied ?? 0,
      },
    },
  );
}

/** The tenant that a run is about: there is one in every run but a dry one. */
export function tenantIdOf(run: Pick<ProvisionRun, "subjectId">): string {
  if (run.subjectId === null) throw new Error("A dry run has no tenant");
  return run.subjectId;
}
