import { openLoss } from "../../audit/lost-history.ts";
import { record } from "../../audit/record.ts";
import type { EntityManager, Orm } from "../../database/orm.ts";
import { isId } from "../../kernel/ids.ts";
import type { Secret, SecretStore } from "../../secrets/secret-store.ts";
import { probeAppLogin } from "../../tenant-schemas/probe-app-login.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { OperationEntity } from "../engine/operation.entity.ts";
import type { Requester } from "../engine/phase.ts";
import { siteOfTenant } from "../site/site.ts";
import { appLoginOf, isOurs, tagsOf } from "./tenant-secret.ts";

// A secret store knows no conditions, so whoever writes late is not refused there. Of a tenant's secret only
// the version is current that the registry has noted, in a transaction that is refused to whoever has lost
// the operation. What is newer and was not noted came late: the noted one is put back.

/** Whom the audit trail names, and with which operation. */
export interface By extends Requester {
  readonly operationId?: string;
}

/** What settling a secret needs. */
export interface SettlePorts {
  readonly orm: Orm;
  readonly secrets: SecretStore;
}

/**
 * Ensures that the secret of a name is what the registry has noted for whoever has that name by now,
 * and that none is left of a tenant that has none any more. For whoever does not own the operation that
 * works on the tenant: what such an operation has stored and not noted yet is left to it.
 */
export async function settleSecret(ports: SettlePorts, name: string, by: By): Promise<Settled> {
  const em = ports.orm.em.fork();
  const holder = await em.findOne(TenantEntity, { secretName: name, status: { $ne: "PURGED" } });
  const transaction: Transaction = async (work) =>
    await ports.orm.em.fork().transactional((each) => work(each as EntityManager));
  if (holder !== null && holder.secretVersion !== null) {
    const read = () => ports.orm.em.fork().findOneOrFail(TenantEntity, { id: holder.id });
    return await putNotedBack(ports, read, transaction, by);
  }
  const newest = await ports.secrets.get(name);
  if (newest === null) return "CURRENT";
  const { tenantId = "" } = newest.tags;
  const owner = isId(tenantId) ? await em.findOne(TenantEntity, { id: tenantId }) : null;
  if (owner === null || !(await isQuiet(em, owner))) return "LEFT";
  if (GONE.includes(owner.status)) {
    // A registry that was restored from a dump may not know yet that the tenant is in use.
    const isLate = (await wasTakenOver(ports, name)) && !(await openLoss(em));
    return isLate ? await removeLate(ports, owner, newest, transaction, by) : "LEFT";
  }
  if (owner.status === "OFFBOARDED" && owner.offboardedFrom === null) return "LEFT";
  // A tenant of an earlier version, whose secret nobody has noted yet.
  return (await exchange(transaction, owner, newest.version)) ? "NOTED" : "LEFT";
}

/** Statuses of tenants that have no secret. */
const GONE: readonly string[] = ["FAILED", "PURGED"];

const isQuiet = async (em: EntityManager | Orm["em"], { id, secretVersion }: Tenant) =>
  secretVersion === null &&
  (await em.count(OperationEntity, { subjectId: id, finishedAt: null })) === 0;

async function removeLate(
  { orm, secrets }: SettlePorts,
  owner: Tenant,
  { version: late }: Secret,
  transaction: Transaction,
  { operationId, ...by }: By,
): Promise<Settled> {
  const stillWanted = async () => {
    const em = orm.em.fork();
    const now = await em.findOneOrFail(TenantEntity, { id: owner.id });
    if (now.status !== owner.status || !(await isQuiet(em, now))) throw new Error("it is in use");
  };
  await secrets.purge(owner.secretName, { tags: { tenantId: owner.id }, stillWanted });
  await transaction(async (em) =>
    record(
      em,
      { ...by, address: null },
      {
        type: "TENANT_SECRET_REMOVED",
        tenant: { id: owner.id, slug: owner.slug },
        ...(operationId === undefined ? {} : { operationId }),
        detail: { late },
      },
    ),
  );
  return "REMOVED";
}

/** Runs a transaction on the platform database: fenced, where it is an operation's. */
type Transaction = (work: (em: EntityManager) => Promise<void>) => Promise<void>;

/**
 * What came of settling a secret: it is as noted; its version is noted by now; the noted one was put
 * back; what remained of a tenant that has none was removed; nothing can be said or done of it.
 */
export type Settled = "CURRENT" | "NOTED" | "PUT_BACK" | "REMOVED" | "LEFT";

/** Attempts before a secret is left to the next check: others may be writing. */
const ATTEMPTS = 5;

/**
 * Ensures that the newest version of a tenant's secret is what the registry has noted, by
 * compare-and-set: whoever notes another version meanwhile is right.
 *
 * @param read the tenant as the registry has it now
 * @param by whom the audit trail names
 */
export async function putNotedBack(
  ports: SettlePorts,
  read: () => Promise<Tenant>,
  transaction: Transaction,
  by: By,
): Promise<Settled> {
  const { secrets } = ports;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const tenant = await read();
    const { secretName: name, secretVersion: noted } = tenant;
    const newest = await secrets.get(name);
    if (noted === null || newest?.version === noted) return "CURRENT";
    if (newest && isOurs(newest, tenant)) {
      const wanted = await secrets.get(name, noted);
      // Where the noted one cannot be had any more, there is nothing that the newest is later than.
      const isRight =
        wanted === null ||
        wanted.value === newest.value ||
        (await isOutdated(ports, tenant, wanted, newest));
      if (isRight && (await exchange(transaction, tenant, newest.version))) return "NOTED";
      if (isRight) continue;
      if (!(await wasTakenOver(ports, name))) return "LEFT";
    }
    const restored = await secrets.restore(name, noted, tagsOf(tenant));
    if (restored === null) return "LEFT";
    const restoration = { ...by, late: newest?.version ?? null };
    if (await exchange(transaction, tenant, restored.version, restoration)) return "PUT_BACK";
  }
  return "LEFT";
}

/**
 * A registry that was restored from a dump notes older versions than the store has: what logs in is right.
 * Nobody writes late without a takeover.
 */
async function isOutdated(ports: SettlePorts, tenant: Tenant, noted: Secret, newest: Secret) {
  if (!(await logsIn(ports, tenant, newest))) return false;
  return !(await wasTakenOver(ports, tenant.secretName)) || !(await logsIn(ports, tenant, noted));
}

async function wasTakenOver({ orm }: SettlePorts, name: string): Promise<boolean> {
  const rows = await orm.em.fork().execute<{ id: string }[]>(
    `select o.id from platform.operation o join platform.tenant t on t.id = o.subject_id
     where t.secret_name = ? and o.taken_over_at is not null limit 1`,
    [name],
  );
  return rows.length > 0;
}

/** @throws DomainError E_UNAVAILABLE where the server does not answer: that says nothing of the login */
async function logsIn({ orm, secrets }: SettlePorts, tenant: Tenant, secret: Secret) {
  if (tenant.dbServerId === null || tenant.databaseName === null) return false;
  const site = await siteOfTenant(orm.em.fork(), tenant);
  return (await probeAppLogin(await appLoginOf(secrets, site, secret))).passed;
}

interface Restoration extends By {
  /** The version that came late; null where the secret was removed. */
  readonly late: string | null;
}

/** Notes a version in the place of the one that was read; false where another was noted meanwhile. */
async function exchange(
  transaction: Transaction,
  { id, slug, secretVersion: noted }: Tenant,
  version: string,
  restoration?: Restoration,
): Promise<boolean> {
  let exchanged = false;
  await transaction(async (em) => {
    const changed = await em.nativeUpdate(
      TenantEntity,
      { id, secretVersion: noted },
      { secretVersion: version },
    );
    exchanged = changed === 1;
    if (!exchanged || restoration === undefined || noted === null) return;
    const { late, operationId, ...by } = restoration;
    record(
      em,
      { ...by, address: null },
      {
        type: "TENANT_SECRET_RESTORED",
        tenant: { id, slug },
        ...(operationId === undefined ? {} : { operationId }),
        detail: { late, noted, secretVersion: version },
      },
    );
  });
  return exchanged;
}
