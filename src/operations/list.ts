import type { FilterQuery } from "@mikro-orm/core";
import {
  BY_ID,
  between,
  byMoment,
  byText,
  type Direction,
  findPage,
  type ListKey,
  type Page,
  type PageRequest,
} from "../database/keyset.ts";
import type { EntityManager } from "../database/orm.ts";
import type { MigrationSettings } from "../migration-folders/migration-source.ts";
import { readFolder } from "../migration-folders/read-folder.ts";
import { wholeCounts } from "../tenant-schemas/drift.ts";
import { newestOf } from "../tenant-schemas/migration-folder.ts";
import type { VersionFilter } from "../tenants/list.ts";
import { hasEnded } from "./engine/journal.ts";
import { type Operation, OperationEntity, type OperationState } from "./engine/operation.entity.ts";

/** Which operations to list; what is absent does not matter. */
export interface OperationFilter {
  readonly kind?: readonly string[];
  readonly state?: readonly OperationState[];
  /** The tenant's slug, which may have belonged to another tenant before. */
  readonly slug?: string;
  /** The tenant's id. */
  readonly subjectId?: string;
  /** Those that have not ended, or those that have. */
  readonly active?: boolean;
  /** Dry runs, or those that are none. */
  readonly dryRun?: boolean;
  /** Those that this user or token has asked for, by its id. */
  readonly requestedBy?: string;
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
}

/** What operations can be ordered by. */
export const OPERATION_ORDERS = {
  CREATED_AT: BY_ID,
  UPDATED_AT: byMoment("updatedAt"),
  SLUG: byText("subjectName"),
} satisfies Record<string, ListKey>;

/** How operations are ordered: the newest first, unless told. */
export interface OperationOrder {
  readonly field: keyof typeof OPERATION_ORDERS;
  readonly direction: Direction;
}

/** A page of the operations, the newest first unless told. */
export async function listOperations(
  em: EntityManager,
  filter: OperationFilter,
  page: PageRequest,
  { field, direction }: OperationOrder = { field: "CREATED_AT", direction: "DESC" },
): Promise<Page<Operation>> {
  const order = { key: OPERATION_ORDERS[field], direction };
  const list = { name: "operation", entity: OperationEntity, ...order };
  return await findPage(em, list, operationsWhere(filter), page);
}

/** How many operations pass a filter. */
export const countOperations = (em: EntityManager, filter: OperationFilter): Promise<number> =>
  em.count(OperationEntity, operationsWhere(filter));

function operationsWhere(filter: OperationFilter): FilterQuery<Operation> {
  const { kind, state, slug, subjectId, active, dryRun, requestedBy } = filter;
  const { createdAfter, createdBefore } = filter;
  return {
    ...(kind === undefined ? {} : { kind: { $in: [...kind] } }),
    ...(state === undefined ? {} : { state: { $in: [...state] } }),
    ...(slug === undefined ? {} : { subjectName: slug }),
    ...(subjectId === undefined ? {} : { subjectId }),
    ...(active === undefined ? {} : { finishedAt: active ? null : { $ne: null } }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(requestedBy === undefined ? {} : { actorId: requestedBy }),
    ...between(createdAfter, createdBefore),
  };
}

/** Whether an operation passes a filter: the same question as the list's, asked of one row. */
export function passes(operation: Operation, filter: OperationFilter): boolean {
  const { kind, state, slug, subjectId, active, dryRun, requestedBy } = filter;
  const { createdAfter, createdBefore } = filter;
  const { createdAt } = operation;
  return (
    (kind === undefined || kind.includes(operation.kind)) &&
    (state === undefined || state.includes(operation.state)) &&
    (slug === undefined || operation.subjectName === slug) &&
    (subjectId === undefined || operation.subjectId === subjectId) &&
    (active === undefined || hasEnded(operation.state) !== active) &&
    (dryRun === undefined || operation.dryRun === dryRun) &&
    (requestedBy === undefined || operation.actorId === requestedBy) &&
    (createdAfter === undefined || createdAt >= createdAfter) &&
    (createdBefore === undefined || createdAt < createdBefore)
  );
}

/**
 * Asks for the tenants that lack migrations of the folder (`behind`), or for those that have them all.
 *
 * @throws DomainError E_MIGRATION_FOLDER
 */
export async function versionFilter(
  settings: MigrationSettings,
  behind: boolean,
): Promise<VersionFilter> {
  const { migrations } = await readFolder(settings);
  return { behind, newest: newestOf(migrations), counts: wholeCounts(migrations) };
}
