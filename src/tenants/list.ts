import { type FilterQuery, raw } from "@mikro-orm/core";
import { findPage, type Page, type PageRequest } from "../database/keyset.ts";
import type { EntityManager } from "../database/orm.ts";
import type { TenantStatus } from "./lifecycle.ts";
import type { Isolation } from "./names.ts";
import { type Tenant, TenantEntity } from "./tenant.entity.ts";
import type { Tier } from "./tiers.ts";

/** Which tenants to list; what is absent does not matter. */
export interface TenantFilter {
  /** Every status but PURGED where it is absent. */
  readonly status?: TenantStatus;
  readonly region?: string;
  readonly tier?: Tier;
  readonly isolation?: Isolation;
  /** Part of the slug or the name, in any case; with `people` also of the first administrator's email. */
  readonly text?: string;
  readonly people?: boolean;
  readonly version?: VersionFilter;
}

/** Whether a tenant lacks migrations, as far as the registry tells: by its version and by their number. */
export interface VersionFilter {
  readonly behind: boolean;
  /** The newest migration's id; null where there are no migrations, so that nobody is behind. */
  readonly newest: string | null;
  /**
   * How many are applied to a tenant at the newest one that lacks none, in ascending order: one number,
   * and others where it began with a baseline.
   */
  readonly counts: readonly number[];
}

/** A page of the tenants, the newest first; answered from the registry alone. */
export async function listTenants(
  em: EntityManager,
  filter: TenantFilter,
  page: PageRequest,
): Promise<Page<Tenant>> {
  return await findPage(em, { name: "tenant", entity: TenantEntity }, tenantsWhere(filter), page);
}

/** How many tenants pass a filter. */
export const countTenants = (em: EntityManager, filter: TenantFilter): Promise<number> =>
  em.count(TenantEntity, tenantsWhere(filter));

function tenantsWhere(filter: TenantFilter): FilterQuery<Tenant> {
  const { status, region, tier, isolation, text, people = false, version } = filter;
  return {
    $and: [
      { status: status ?? { $ne: "PURGED" } },
      ...(region === undefined ? [] : [{ region }]),
      ...(tier === undefined ? [] : [{ tier }]),
      ...(isolation === undefined ? [] : [{ isolation }]),
      ...(text === undefined ? [] : [holding(text, people)]),
      ...(version === undefined ? [] : [atVersion(version)]),
    ],
  };
}

function holding(text: string, people: boolean): FilterQuery<Tenant> {
  const pattern = { $ilike: `%${text.replace(/[\\%_]/g, "\\$&")}%` };
  return {
    $or: [{ slug: pattern }, { name: pattern }, ...(people ? [{ adminEmail: pattern }] : [])],
  };
}

/**
 * Migrations are ordered by the number that their ids begin with; most tenants have the newest one. One that
 * has the newest and lacks an earlier one, of a branch that was merged late, shows in the number applied.
 */
function atVersion({ behind, newest, counts }: VersionFilter): FilterQuery<Tenant> {
  if (newest === null) return behind ? { id: { $in: [] } } : {};
  const number = raw((alias) => `substring(${alias}.schema_version from '^[0-9]+')::numeric`);
  const place = Number.parseInt(newest, 10);
  const older = { [number]: { $lt: place } } as FilterQuery<Tenant>;
  const later = { [number]: { $gte: place } } as FilterQuery<Tenant>;
  const whole = counts.at(-1) ?? 0;
  const lacking = { $lt: whole, $nin: [...counts] };
  const complete = {
    $or: [{ migrationsApplied: { $gte: whole } }, { migrationsApplied: { $in: [...counts] } }],
  };
  return behind
    ? {
        $or: [
          { schemaVersion: null },
          { schemaVersion: newest, migrationsApplied: lacking },
          { $and: [{ schemaVersion: { $ne: newest } }, older] },
        ],
      }
    : {
        $or: [
          { $and: [{ schemaVersion: newest }, complete] },
          { $and: [{ schemaVersion: { $ne: newest } }, later] },
        ],
      };
}
