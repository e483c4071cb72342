import { type FilterQuery, raw } from "@mikro-orm/core";
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
import { labelMapOf, type TenantLabel } from "./labels.ts";
import type { TenantStatus } from "./lifecycle.ts";
import type { Isolation } from "./names.ts";
import { type Tenant, TenantEntity } from "./tenant.entity.ts";
import type { Tier } from "./tiers.ts";

/** Which tenants to list; what is absent does not matter. */
export interface TenantFilter {
  /** Every status but PURGED where it is absent. */
  readonly status?: readonly TenantStatus[];
  readonly slugs?: readonly string[];
  readonly region?: readonly string[];
  readonly tier?: readonly Tier[];
  readonly isolation?: Isolation;
  /** The names of db servers. */
  readonly dbServer?: readonly string[];
  readonly schemaVersion?: readonly string[];
  readonly onBehalfOf?: string;
  /** All of them. */
  readonly labels?: readonly TenantLabel[];
  /** Whether they are locked against deletion. */
  readonly locked?: boolean;
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
  /** Part of the slug or the name, in any case; with `people` also of the first administrator's email. */
  readonly text?: string;
  readonly people?: boolean;
  readonly version?: VersionFilter;
}

/** What tenants can be ordered by; a schema without a version comes before all versions. */
export const TENANT_ORDERS = {
  CREATED_AT: BY_ID,
  UPDATED_AT: byMoment("updatedAt"),
  SLUG: byText("slug"),
  NAME: byText("name"),
  STATUS: byText("status"),
  SCHEMA_VERSION: {
    field: "schemaVersion",
    expression: (alias) => `coalesce(${alias}.schema_version, '')`,
    parse: (text) => text,
    textOf: (row: Tenant) => row.schemaVersion ?? "",
  },
} satisfies Record<string, ListKey>;

/** How tenants are ordered: the newest first, unless told. */
export interface TenantOrder {
  readonly field: keyof typeof TENANT_ORDERS;
  readonly direction: Direction;
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

/** A page of the tenants, the newest first unless told; answered from the registry alone. */
export async function listTenants(
  em: EntityManager,
  filter: TenantFilter,
  page: PageRequest,
  { field, direction }: TenantOrder = { field: "CREATED_AT", direction: "DESC" },
): Promise<Page<Tenant>> {
  const order = { key: TENANT_ORDERS[field], direction };
  const list = { name: "tenant", entity: TenantEntity, ...order };
  return await findPage(em, list, tenantsWhere(filter), page);
}

/** How many tenants pass a filter. */
export const countTenants = (em: EntityManager, filter: TenantFilter): Promise<number> =>
  em.count(TenantEntity, tenantsWhere(filter));

/** Those of some tenants that pass a filter. */
export async function among(
  em: EntityManager,
  filter: TenantFilter,
  tenants: readonly Tenant[],
): Promise<Tenant[]> {
  if (tenants.length === 0) return [];
  const id = { $in: tenants.map((tenant) => tenant.id) };
  const where = { $and: [{ id }, tenantsWhere(filter)] } as FilterQuery<Tenant>;
  const passing = new Set(
    (await em.find(TenantEntity, where, { fields: ["id"] })).map((each) => each.id),
  );
  return tenants.filter((tenant) => passing.has(tenant.id));
}

function tenantsWhere(filter: TenantFilter): FilterQuery<Tenant> {
  const { status, isolation, dbServer, locked, text, people = false, version } = filter;
  const { onBehalfOf, labels, createdAfter, createdBefore } = filter;
  const { slugs: slug, region, tier, schemaVersion } = filter;
  return {
    $and: [
      { status: status ? { $in: [...status] } : { $ne: "PURGED" } },
      ...Object.entries({ slug, region, tier, schemaVersion }).flatMap(([field, values]) =>
        values === undefined ? [] : [{ [field]: { $in: [...values] } } as FilterQuery<Tenant>],
      ),
      ...(isolation === undefined ? [] : [{ isolation }]),
      ...(dbServer === undefined ? [] : [onServers(dbServer)]),
      ...(onBehalfOf === undefined ? [] : [{ requestedBy: onBehalfOf }]),
      // One by one: a key with two values is had by nobody.
      ...(labels ?? []).map((label) => ({ labels: { $contains: labelMapOf([label]) } }) as never),
      ...(locked === undefined ? [] : [{ lockedAt: locked ? { $ne: null } : null }]),
      between(createdAfter, createdBefore),
      ...(text === undefined ? [] : [holding(text, people)]),
      ...(version === undefined ? [] : [atVersion(version)]),
    ],
  };
}

/** The few servers are found by their names first, so that the tenants' own index is used. */
const onServers = (names: readonly string[]): FilterQuery<Tenant> =>
  ({
    dbServerId: {
      $in: raw(
        `(select id from platform.db_server where name in (${names.map(() => "?").join(", ") || "null"}))`,
        [...names],
      ),
    },
  }) as unknown as FilterQuery<Tenant>;

function holding(text: string, people: boolean): FilterQuery<Tenant> {
  const pattern = { $ilike: `%${text.replace(/[\\%_]/g, "\\$&")}%` };
  return {
    $and: [
      ...sharingGrams(text),
      { $or: [{ slug: pattern }, { name: pattern }, ...(people ? [{ adminEmail: pattern }] : [])] },
    ],
  };
}

/**
 * The tenants whose texts have all of a text's trigrams, or its one bigram: only these can hold it, and an index
 * finds them. Single characters are not indexed.
 */
function sharingGrams(text: string): FilterQuery<Tenant>[] {
  const size = Math.min([...text].length, 3);
  if (size < 2) return [];
  const all = raw(
    (alias) =>
      `platform.ngrams(lower(${alias}.slug || ' ' || ${alias}.name || ' ' || coalesce(${alias}.admin_email, '')), '{2,3}')
        @> platform.ngrams(lower(?), array[?::int])`,
    [text, size],
  );
  return [{ [all]: [] } as FilterQuery<Tenant>];
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
