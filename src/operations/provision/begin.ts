import { record } from "../../audit/record.ts";
import type { EntityManager } from "../../database/orm.ts";
import { ownerEmailTaken } from "../../invitations/first-admin.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { newId } from "../../kernel/ids.ts";
import { type DbServer, DbServerEntity } from "../../placement/db-server.entity.ts";
import { place, previewPlacement } from "../../placement/placement.ts";
import { labelMapOf } from "../../tenants/labels.ts";
import { refuseByStatus } from "../../tenants/lifecycle.ts";
import { namesOf } from "../../tenants/names.ts";
import { lockTenantBySlug } from "../../tenants/registry.ts";
import { parseSlug } from "../../tenants/slug.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { type Operation, OperationEntity } from "../engine/operation.entity.ts";
import type { BeginOptions, Subject } from "../engine/phase.ts";
import { refuseSecond } from "../engine/start-operation.ts";
import { databaseOn } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import { profileOf } from "../tenant-profile.ts";
import type { ProvisionInput } from "./input.ts";
import { expectPlannedPlace } from "./plan-hash.ts";

/**
 * Refuses, or reserves the slug by a PROVISIONING row with its placement reserved: one transaction, so
 * that a crash is visible and parallel requests see one another.
 *
 * @throws DomainError E_PARTIAL_STATE, E_ALREADY_PROVISIONED, E_OPERATION_IN_PROGRESS, E_OWNER_EXISTS,
 *   E_NO_CAPACITY, E_DB_SERVER_NOT_FOUND, E_PLAN_STALE
 */
export async function beginProvisioning(
  ports: TenantPorts,
  em: EntityManager,
  start: BeginOptions<ProvisionInput>,
): Promise<Subject> {
  const { input, dryRun, retry } = start;
  const key = retry ? { id: retry.subjectId } : { slug: input.slug };
  const existing = await lockTenantBySlug(em, input.slug, key);
  const retryOf = existing ? await takeUpAgain(em, existing) : null;
  await refuseTakenOwner(em, input);
  if (dryRun) {
    const server = await previewPlacement(em, input);
    expectPlannedPlace(input, server.name);
    return { id: null, name: input.slug, partition: server.id };
  }
  const server = await placeAgain(em, existing, input);
  if (!retry) expectPlannedPlace(input, server.name);
  const id = await reserveSlug(ports, em, existing, input, server);
  record(em, start.actor, {
    type: "TENANT_PROVISION_REQUESTED",
    tenant: { id, slug: input.slug },
    operationId: start.operationId,
    detail: {
      dryRun,
      isolation: input.isolation,
      tier: input.tier,
      region: input.region,
      adminEmail: input.adminEmail,
      requestedBy: input.requestedBy,
    },
  });
  return {
    id,
    name: input.slug,
    partition: server.id,
    ...(retryOf ? { retryOf: retryOf.id } : {}),
  };
}

/** Provisioning a slug again is a retry where the lifecycle allows it; else its tenant is in the way. */
async function takeUpAgain(em: EntityManager, tenant: Tenant): Promise<Operation | null> {
  await refuseSecond(em, tenant.id);
  refuseByStatus(tenant, "PROVISION");
  return await em.findOne(
    OperationEntity,
    { subjectId: tenant.id, kind: "PROVISION", state: { $in: ["FAILED", "CANCELLED"] } },
    { orderBy: { id: "desc" } },
  );
}

/** A new place, or the one where an attempt that could not be undone has left something behind. */
async function placeAgain(
  em: EntityManager,
  existing: Tenant | null,
  input: ProvisionInput,
): Promise<DbServer> {
  const kept = existing?.dbServerId ?? null;
  if (kept === null) return await place(em, input);
  const server = await em.findOneOrFail(DbServerEntity, { id: kept });
  const sameServer = input.dbServer === null || input.dbServer === server.name;
  if (sameServer && input.isolation === existing?.isolation) return server;
  throw new DomainError("E_PARTIAL_STATE", {
    message: `An earlier attempt, with isolation ${existing?.isolation}, has left something behind on db server '${server.name}'`,
    nextAction:
      "Ask for that `isolation` and db server, or clear it away first with `cleanupFailedTenants` and `dropSchema`.",
    detail: { kind: "DB_SERVER", name: server.name },
  });
}

async function refuseTakenOwner(em: EntityManager, input: ProvisionInput): Promise<void> {
  if (input.allowExistingUser || input.adminEmail === null) return;
  if (await ownerEmailTaken(em, input.adminEmail)) {
    throw new DomainError("E_OWNER_EXISTS", {
      message: `An identity with the email '${input.adminEmail}' exists already`,
      issues: [
        {
          path: ["adminEmail"],
          message: "belongs to an existing identity",
          code: "E_OWNER_EXISTS",
        },
      ],
    });
  }
}

/** What a tenant has not been through when its life begins. */
const UNSET = {
  schemaVersion: null,
  migrationsApplied: 0,
  activatedAt: null,
  offboardedFrom: null,
  purgeAfter: null,
  lockedAt: null,
  lockReason: null,
  connectionLimit: null,
  statementTimeoutSeconds: null,
  idleInTransactionTimeoutSeconds: null,
  secretVersion: null,
  credentialsRotatedAt: null,
  retiringRole: null,
  retiringUntil: null,
} as const;

/** Writes the PROVISIONING row, or takes the one of an earlier attempt; answers its id. */
async function reserveSlug(
  ports: TenantPorts,
  em: EntityManager,
  existing: Tenant | null,
  input: ProvisionInput,
  server: DbServer,
): Promise<string> {
  const names = namesOf(parseSlug(input.slug), ports);
  const now = ports.clock();
  const row = {
    slug: input.slug,
    name: input.name,
    status: "PROVISIONING",
    isolation: input.isolation,
    dbServerId: server.id,
    databaseName: databaseOn(server, input.isolation, names),
    schemaName: names.schema,
    ownerRole: names.ownerRole,
    appRole: names.appRole,
    secretName: names.secret,
    adminEmail: input.adminEmail,
    region: input.region ?? server.region,
    ...profileOf(input),
    labels: labelMapOf(input.labels),
    requestedBy: input.requestedBy,
    failureCode: null,
    failureMessage: null,
    updatedAt: now,
  } as const;
  if (existing) {
    await em.nativeUpdate(TenantEntity, { id: existing.id }, row);
    return existing.id;
  }
  const id = newId(now.getTime());
  await em.insert(TenantEntity, { id, ...row, ...UNSET, seedSets: [], createdAt: now });
  return id;
}
