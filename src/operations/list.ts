import type { FilterQuery } from "@mikro-orm/core";
import { findPage, type Page, type PageRequest } from "../database/keyset.ts";
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
  readonly kind?: string;
  readonly state?: OperationState;
  /** The tenant's slug, which may have belonged to another tenant before. */
  readonly slug?: string;
  /** The tenant's id. */
  readonly subjectId?: string;
  /** Those that have not ended, or those that have. */
  readonly active?: boolean;
}

/** A page of the operations, the newest first. */
export async function listOperations(
  em: EntityManager,
  filter: OperationFilter,
  page: PageRequest,
): Promise<Page<Operation>> {
  const list = { name: "operation", entity: OperationEntity };
  return await findPage(em, list, operationsWhere(filter), page);
}

/** How many operations pass a filter. */
export const countOperations = (em: EntityManager, filter: OperationFilter): Promise<number> =>
  em.count(OperationEntity, operationsWhere(filter));

function operationsWhere(filter: OperationFilter): FilterQuery<Operation> {
  const { kind, state, slug, subjectId, active } = filter;
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(state === undefined ? {} : { state }),
    ...(slug === undefined ? {} : { subjectName: slug }),
    ...(subjectId === undefined ? {} : { subjectId }),
    ...(active === undefined ? {} : { finishedAt: active ? null : { $ne: null } }),
  };
}

/** Whether an operation passes a filter: the same question as the list's, asked of one row. */
export function passes(operation: Operation, filter: OperationFilter): boolean {
  const { kind, state, slug, subjectId, active } = filter;
  return (
    (kind === undefined || operation.kind === kind) &&
    (state === undefined || operation.state === state) &&
    (slug === undefined || operation.subjectName === slug) &&
    (subjectId === undefined || operation.subjectId === subjectId) &&
    (active === undefined || hasEnded(operation.state) !== active)
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
