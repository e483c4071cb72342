import { activateTenant } from "./activate-tenant.ts";
import type { AnyOperation } from "./engine/phase.ts";
import { migrateTenant } from "./migrate-tenant.ts";
import { provisionTenant } from "./provision-tenant.ts";
import type { TenantPorts } from "./tenant-ports.ts";

/** Every operation there is, by its name: the one list that workers, doors and tests go by. */
export const operationCatalog = (ports: TenantPorts) => ({
  provisionTenant: provisionTenant(ports),
  migrateTenant: migrateTenant(ports),
  activateTenant: activateTenant(ports),
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
