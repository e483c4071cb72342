import type { EntityManager } from "../../database/orm.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { secretCalled } from "../../secrets/naming.ts";
import { foreignSecret, type Secret } from "../../secrets/secret-store.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { isTakenOver } from "../engine/taken-over.ts";
import type { Site } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { TenantRun } from "../tenant-run.ts";
import { putNotedBack, settleSecret } from "./noted-secret.ts";
import { connectionUrl, isOurs, leadsTo, tagsOf } from "./tenant-secret.ts";

// How operations read, store and remove a tenant's secret: see noted-secret.ts.

type Ports = Pick<TenantPorts, "orm" | "secrets">;
type AnyRun = TenantRun<unknown, unknown, unknown>;

/**
 * The tenant's secret. Where the newest version is not the noted one, that is put back before; a dry run
 * changes nothing.
 *
 * @param mine what this operation stores: found there, an earlier attempt has stored it and not noted it
 * @returns null where there is none
 * @throws DomainError E_PARTIAL_STATE for a secret that was not made for this tenant, E_SECRET_STORE
 */
export async function currentSecret(
  ports: Ports,
  run: AnyRun,
  tenant: Tenant,
  mine?: string,
): Promise<Secret | null> {
  const { secretName: name, secretVersion: noted } = tenant;
  let newest = await ports.secrets.get(name);
  const isLate = noted !== null && newest?.version !== noted;
  if (isLate && !run.dryRun && (newest === null || newest.value !== mine)) {
    await guarded(ports, run, name, async () => {
      const by = { ...run.requester, operationId: run.operationId };
      await putNotedBack(ports, () => run.tenant(), run.note, by);
    });
    newest = await ports.secrets.get(name);
  }
  if (newest && !isOurs(newest, tenant))
    throw foreignSecret(name, { deleted: false }, "this tenant");
  return newest;
}

/**
 * As `currentSecret`, for a tenant that has one.
 *
 * @throws DomainError E_SECRET_STORE when the secret is gone
 */
export async function expectSecret(ports: Ports, run: AnyRun): Promise<Secret> {
  const tenant = await run.tenant();
  const secret = await currentSecret(ports, run, tenant);
  if (secret) return secret;
  throw new DomainError("E_SECRET_STORE", {
    message: `The ${secretCalled(tenant.secretName)} is gone`,
  });
}

/**
 * Makes the tenant's secret lead to the site, unless it does already; answers its value. The password of a
 * new one is derived from the operation, so that all who do this step store the same.
 *
 * @throws as `currentSecret`
 */
export async function ensureSecret(
  ports: Ports & Pick<TenantPorts, "appPasswords">,
  run: AnyRun,
  site: Site,
): Promise<string> {
  const tenant = await run.tenant();
  const mine = connectionUrl(site, ports.appPasswords.of(run.operationId));
  const existing = await currentSecret(ports, run, tenant, mine);
  const value = existing && leadsTo(existing.value, site) ? existing.value : mine;
  await storeSecret(ports, run, tenant, { value, newest: existing });
  return value;
}

interface Wanted {
  readonly value: string;
  /** The newest version, as it was found. */
  readonly newest: Secret | null;
}

/**
 * Makes a value the tenant's secret: stored as a new version unless the newest holds it, and noted.
 *
 * @returns its version
 */
export async function storeSecret(
  ports: Ports,
  run: AnyRun,
  tenant: Tenant,
  { value, newest }: Wanted,
): Promise<string> {
  const { secretName: name } = tenant;
  const store = async () => {
    await run.assertOwned();
    return (await ports.secrets.set(name, value, tagsOf(tenant))).version;
  };
  return await guarded(ports, run, name, async () => {
    const version = newest?.value === value ? newest.version : await store();
    await noteVersion(run, tenant, version);
    return version;
  });
}

/** Removes the tenant's secret, if it was made for it. */
export async function removeSecret(ports: Ports, run: AnyRun): Promise<undefined> {
  const tenant = await run.tenant();
  await guarded(ports, run, tenant.secretName, async () => {
    // Noted first: what a late one of the removers takes away is not put back then.
    await noteVersion(run, tenant, null);
    const condition = { tags: { tenantId: tenant.id }, stillWanted: run.assertOwned };
    await ports.secrets.purge(tenant.secretName, condition);
    await run.assertOwned();
  });
}

async function noteVersion(run: AnyRun, tenant: Tenant, version: string | null) {
  const { id, secretVersion } = tenant;
  if (version === secretVersion) return;
  await run.note(async (em: EntityManager) => {
    await em.nativeUpdate(TenantEntity, { id }, { secretVersion: version });
  });
}

/**
 * Works in the secret store. Whoever finds out that the operation was taken over meanwhile may have written
 * late: the secret of whoever has the name by now is put right before this one gives up.
 */
async function guarded<T>(
  ports: Ports,
  run: AnyRun,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const lost = (await isTakenOver(error)) ? error : await lossOf(run);
    if (lost === null) throw error;
    const by = { ...run.requester, operationId: run.operationId };
    // What cannot be put right now, the reconciler does.
    await settleSecret(ports, name, by).catch(() => undefined);
    throw lost;
  }
}

const lossOf = async (run: AnyRun): Promise<unknown> =>
  await run.assertOwned().then(
    () => null,
    async (error: unknown) => ((await isTakenOver(error)) ? error : null),
  );
