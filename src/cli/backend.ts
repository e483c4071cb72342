import type { OperationCatalog } from "../operations/catalog.ts";
import type { WorkersSeen } from "../operations/engine/liveness.ts";
import type { Operation, OperationEvent } from "../operations/engine/operation.entity.ts";
import type { StartOptions } from "../operations/engine/start-operation.ts";
import type { OperationFilter } from "../operations/list.ts";
import type { LimitName, ShownLimits } from "../tenants/limits.ts";
import type { TenantFilter } from "../tenants/list.ts";
import type { TenantKey } from "../tenants/registry.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import type { HelperWorker } from "./helper-worker.ts";
import type { placeIn } from "./servers/clusters.ts";
import type { AdminAccess } from "./tenant/first-admin-access.ts";
import type { Output } from "./terminal/output.ts";

/** What commands show of an operation, whichever way it came here. */
export type ShownOperation = Pick<
  Operation,
  | (
      | "id"
      | "kind"
      | "state"
      | "subjectId"
      | "subjectName"
      | "dryRun"
      | "input"
      | "result"
      | "error"
    )
  | ("actorKind" | "actorId" | "actorName" | "retryOf" | "createdAt" | "startedAt" | "finishedAt")
>;

/** A line of an operation's journal, as commands show it. */
export type ShownEvent = Pick<OperationEvent, "operationId" | "sequence" | "at" | "body">;

type Unshown = "failureCode" | "failureMessage" | "dbServerId" | LimitName;

/** What commands show of a tenant, whichever way it came here. */
export type ShownTenant = Omit<
  Tenant,
  Unshown | "secretName" | "secretVersion" | "adminEmail" | symbol
> & {
  /** Null for whoever may not read members. */
  readonly adminEmail: string | null;
  /** Null for whoever may not read the names of secrets. */
  readonly secretName: string | null;
  readonly limits: ShownLimits;
  readonly failure: { readonly code: string; readonly message: string | null } | null;
};

/** One tenant, with where it lies and its newest operations. */
export interface TenantDetails extends ShownTenant {
  readonly dbServer: string | null;
  /** Null where it lies in no cluster. */
  readonly clusterPlace: ReturnType<typeof placeIn> | null;
  readonly operations: readonly Pick<Operation, "id" | "kind" | "state" | "createdAt">[];
}

/** The beginning of a list, and whether there is more. */
export interface FirstRows<Row> {
  readonly rows: readonly Row[];
  readonly more: boolean;
}

/**
 * The operations that a command can start; cleaning up starts several, and goes its own way, and limits are
 * set where a tenant is updated.
 */
export type ActName = Exclude<keyof OperationCatalog, "cleanupTenant" | "setLimits">;

/**
 * What commands ask of Tenantry: on the platform's own database (`local-backend.ts`), or over its API
 * with a token (`remote-backend.ts`). Every function throws the DomainErrors of what it calls.
 */
export interface Backend {
  /** Starts an operation. `request` is read with the operation's own rules. */
  start(
    act: ActName,
    request: Readonly<Record<string, unknown>>,
    options: StartOptions,
  ): Promise<{ readonly operation: ShownOperation; readonly replayed: boolean }>;
  retry(id: string): Promise<ShownOperation>;
  cancel(id: string): Promise<ShownOperation>;
  operation(id: string): Promise<ShownOperation>;
  /** An operation's events from the first to the last, live; to be left by `return`. */
  events(id: string): AsyncIterableIterator<ShownEvent>;
  /** The newest operations. */
  operations(filter: OperationFilter, limit: number): Promise<FirstRows<ShownOperation>>;
  /** The newest tenants; those `behind` lack migrations of the folder. */
  tenants(filter: TenantFilter, behind: boolean, limit: number): Promise<FirstRows<ShownTenant>>;
  tenant(key: TenantKey): Promise<TenantDetails>;
  /** How a new tenant's first admin gets in; a one-time password is revealed, once. */
  adminAccess(operation: ShownOperation): Promise<AdminAccess>;
  /** Who runs operations. */
  workers(): Promise<WorkersSeen>;
  /** Sees to a worker for what the command waits for; null where that is another's concern. */
  bringWorkerAlong(out: Output): Promise<HelperWorker | null>;
}
