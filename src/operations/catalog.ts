import { acceptMigration } from "./accept-migration.ts";
import { activateTenant } from "./activate-tenant.ts";
import { addLaboratory } from "./add-laboratory.ts";
import { cleanupTenant } from "./cleanup-tenant.ts";
import type { AnyOperation } from "./engine/phase.ts";
import { migrateTenant } from "./migrate-tenant.ts";
import { offboardTenant } from "./offboard-tenant.ts";
import type { TenantPorts } from "./parts/tenant-ports.ts";
import { provisionTenant } from "./provision-tenant.ts";
import { purgeTenant } from "./purge-tenant.ts";
import { refreshSnapshots } from "./refresh-snapshots.ts";
import { restoreTenant } from "./restore-tenant.ts";
import { resumeTenant } from "./resume-tenant.ts";
import { retireCredentials } from "./retire-credentials.ts";
import { rotateCredentials } from "./rotate-credentials.ts";
import { seedTenant } from "./seed-tenant.ts";
import { setLimits } from "./set-limits.ts";
import { suspendTenant } from "./suspend-tenant.ts";

/** Every operation there is, by its name: the one list that workers, doors and tests go by. */
export const operationCatalog = (ports: TenantPorts) => ({
  provisionTenant: provisionTenant(ports),
  migrateTenant: migrateTenant(ports),
  acceptMigration: acceptMigration(ports),
  activateTenant: activateTenant(ports),
  addLaboratory: addLaboratory(ports),
  seedTenant: seedTenant(ports),
  refreshSnapshots: refreshSnapshots(ports),
  rotateCredentials: rotateCredentials(ports),
  retireCredentials: retireCredentials(ports),
  setLimits: setLimits(ports),
  suspendTenant: suspendTenant(ports),
  resumeTenant: resumeTenant(ports),
  cleanupTenant: cleanupTenant(ports),
  offboardTenant: offboardTenant(ports),
  restoreTenant: restoreTenant(ports),
  purgeTenant: purgeTenant(ports),
});
export type OperationCatalog = ReturnType<typeof operationCatalog>;

/** The operations by their kind, as a worker finds them. */
export const byKind = (catalog: OperationCatalog): ReadonlyMap<string, AnyOperation> =>
  new Map(
    Object.values(catalog).map((definition): [string, AnyOperation] => [
      definition.kind,
      definition,
    ]),
  );
