import { acceptMigration } from "./accept-migration.ts";
import { activateTenant } from "./activate-tenant.ts";
import { addLaboratory } from "./add-laboratory.ts";
import { cleanupTenant } from "./cleanup-tenant.ts";
import type { AnyOperation } from "./engine/phase.ts";
import { migrateTenant } from "./migrate-tenant.ts";
import { offboardTenant } from "./offboard-tenant.ts";
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
import type { TenantPorts } from "./tenant-ports.ts";

/** Every operation there is, by its name: the one list that workers, the API, the command and tests go by. */
export const OPERATIONS = {
  provisionTenant,
  migrateTenant,
  acceptMigration,
  activateTenant,
  addLaboratory,
  seedTenant,
  refreshSnapshots,
  rotateCredentials,
  retireCredentials,
  setLimits,
  suspendTenant,
  resumeTenant,
  cleanupTenant,
  offboardTenant,
  restoreTenant,
  purgeTenant,
};
export type OperationName = keyof typeof OPERATIONS;

/** Every operation, ready to be started and run. */
export type OperationCatalog = {
  readonly [Name in OperationName]: ReturnType<(typeof OPERATIONS)[Name]["open"]>;
};

/** Opens every operation with what they need. */
export const operationCatalog = (ports: TenantPorts): OperationCatalog =>
  Object.fromEntries(
    Object.entries(OPERATIONS).map(([name, operation]) => [name, operation.open(ports)]),
  ) as unknown as OperationCatalog;

/** The operations by their kind, as a worker finds them. */
export const byKind = (catalog: OperationCatalog): ReadonlyMap<string, AnyOperation> =>
  new Map(
    Object.values(catalog).map((definition): [string, AnyOperation] => [
      definition.kind,
      definition,
    ]),
  );
