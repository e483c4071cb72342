import type { EntityManager } from "../../database/orm.ts";
import { type Listed, versionOf } from "../../tenant-schemas/drift.ts";
import type { TenantRun } from "../tenant-run.ts";

/** Keeps the registry's version as a tenant's own ledger has it; in a transaction of the operation. */
export async function keepVersion(
  run: Pick<TenantRun<unknown, unknown>, "update">,
  em: EntityManager,
  ledger: readonly { readonly id: string }[],
  migrations: readonly Pick<Listed, "id">[],
): Promise<void> {
  const migrationsApplied = new Set(ledger.map(({ id }) => id)).size;
  await run.update(em, { schemaVersion: versionOf(ledger, migrations), migrationsApplied });
}

/** What the registry says of a tenant's schema, as an operation ends: also one that never read it. */
export async function registeredVersion(
  em: EntityManager,
  run: Pick<TenantRun<unknown, unknown>, "tenant">,
): Promise<{ version: string | null; migrations: number | null }> {
  const tenant = await run.tenant(em);
  await em.refresh(tenant);
  return { version: tenant.schemaVersion, migrations: tenant.migrationsApplied };
}
