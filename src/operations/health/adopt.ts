import { record } from "../../audit/record.ts";
import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import type { Check } from "../../tenant-schemas/verify-tenant-schema.ts";
import type { TenantStatus } from "../../tenants/lifecycle.ts";
import { findTenant, lockTenantBySlug } from "../../tenants/registry.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { OperationEntity } from "../engine/operation.entity.ts";
import { unknownProfile } from "../tenant-profile.ts";
import { type AsFound, inspectMarked } from "./as-found.ts";
import { UNKNOWN_GRACE_MS } from "./follow-server.ts";
import type { Marked } from "./orphans.ts";
import type { RepairPorts } from "./ports.ts";

/** Checks that fail for a tenant in use, too: each is a finding with a remedy of its own. */
const MENDED_LATER: readonly Check["name"][] = ["ROLE_LOGIN", "MIGRATIONS"];

/**
 * Takes a tenant back into the registry that is known by its marks on a db server alone, as after a restore
 * of the platform database from a dump that is older than the tenant. Its place, version, seed sets and
 * login are those that are found; it is ACTIVE or SUSPENDED as its logins are open or closed, and FAILED,
 * locked against deletion, where something of it is missing. Its people are lost.
 *
 * @returns false where the registry knows it by now
 * @throws DomainError E_ALREADY_PROVISIONED where another tenant has its slug, E_ADMIN_CONN_UNRESOLVED
 */
export async function adopt(ports: RepairPorts, actor: Actor, marked: Marked): Promise<boolean> {
  const found = await inspectMarked(ports, marked);
  const { tenantId: id } = marked;
  const { slug, status, missing } = judge(marked, found);
  return await ports.orm.em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    const known = await lockTenantBySlug(em, slug, { id });
    if (known !== null && known.status !== "FAILED") return false;
    await refuseTaken(em, slug, id);
    if (await em.findOne(OperationEntity, { subjectId: id, finishedAt: null })) return false;
    const now = ports.clock();
    const row = rowOf(found, status, missing, now);
    if (known) await em.nativeUpdate(TenantEntity, { id }, row);
    else await em.insert(TenantEntity, { ...newRow(id, slug, found), ...row });
    record(em, actor, {
      type: "TENANT_TAKEN_BACK",
      tenant: { id, slug },
      detail: {
        status,
        dbServer: found.site.server.name,
        isolation: found.site.isolation,
        schemaVersion: found.version,
        secretFound: found.secret !== null,
        missing: missing.slice(0, 20),
      },
    });
    return true;
  });
}

function judge({ slug }: Marked, { checks, open }: AsFound) {
  if (slug === null) throw new Error("What has no slug cannot be taken back");
  const missing = checks
    .filter(({ name, passed }) => !passed && !MENDED_LATER.includes(name))
    .map(({ name, message }) => `${name}: ${message}`.slice(0, 500));
  const closed = open.length === 0;
  // One that was closed was in use before: what it lacks shows again when it is resumed.
  const whole = missing.length === 0 || (closed && checks.some(isSchema));
  const status: TenantStatus = !whole ? "FAILED" : closed ? "SUSPENDED" : "ACTIVE";
  return { slug, status, missing: whole ? [] : missing };
}

const isSchema = ({ name, passed }: Check): boolean => name === "SCHEMA" && passed;

async function refuseTaken(em: EntityManager, slug: string, id: string): Promise<void> {
  const holder = await findTenant(em, { slug });
  if (holder === null || holder.id === id) return;
  throw new DomainError("E_ALREADY_PROVISIONED", {
    message: `the slug '${slug}' is that of tenant ${holder.id} (${holder.status}): clear that one away first`,
  });
}

/** What is known from the server. */
function rowOf(found: AsFound, status: TenantStatus, missing: readonly string[], now: Date) {
  const { site, login, open, version, migrations, seedSets } = found;
  const retiringRole = open.find((role) => role !== login) ?? null;
  const failed = status === "FAILED";
  return {
    status,
    isolation: site.isolation,
    dbServerId: site.server.id,
    databaseName: site.database,
    appRole: login,
    secretVersion: found.secret?.version ?? null,
    schemaVersion: version,
    migrationsApplied: migrations,
    seedSets: [...seedSets],
    activatedAt: failed ? null : now,
    updatedAt: now,
    failureCode: failed ? "E_TENANT_NOT_READY" : null,
    failureMessage: failed ? missing.join("; ") : null,
    lockedAt: failed ? now : null,
    lockReason: failed
      ? `taken back from db server '${site.server.name}': look at it before it is cleared away`
      : null,
    retiringRole: failed ? null : retiringRole,
    retiringUntil:
      failed || retiringRole === null ? null : new Date(now.getTime() + UNKNOWN_GRACE_MS),
  } satisfies Partial<Tenant>;
}

/** And what it does not. */
function newRow(id: string, slug: string, { site, name }: AsFound) {
  const { schema, ownerRole, secret } = site.names;
  return {
    id,
    slug,
    name: name ?? slug,
    schemaName: schema,
    ownerRole,
    secretName: secret,
    ...unknownProfile(),
    region: site.server.region,
    adminEmail: null,
    requestedBy: null,
    offboardedFrom: null,
    purgeAfter: null,
    credentialsRotatedAt: null,
    // A UUID of version 7 begins with when it was made.
    createdAt: new Date(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)),
  } satisfies Partial<Tenant>;
}
