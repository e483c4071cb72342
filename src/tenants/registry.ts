import { LockMode } from "@mikro-orm/core";
import { serialise } from "../database/locks.ts";
import type { EntityManager, Orm } from "../database/orm.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import { type Tenant, TenantEntity } from "./tenant.entity.ts";

/** How a caller names a tenant. */
export type TenantKey = { readonly slug: string } | { readonly id: string };

/** A living tenant that is named by its slug, and the id that it is expected to have, where it was named by that. */
export interface NamedTenant {
  readonly slug: string;
  readonly tenantId?: string | undefined;
}

/** The living tenant of that key, purged ones aside; null when there is none. */
export async function findTenant(em: EntityManager, key: TenantKey): Promise<Tenant | null> {
  if ("id" in key) return isId(key.id) ? await em.findOne(TenantEntity, { id: key.id }) : null;
  return await em.findOne(TenantEntity, { slug: key.slug, status: { $ne: "PURGED" } });
}

/** As `findTenant`, and keeps the row locked until the caller's transaction ends. */
export async function lockTenantRow(em: EntityManager, key: TenantKey): Promise<Tenant | null> {
  const where =
    "id" in key ? { id: key.id } : { slug: key.slug, status: { $ne: "PURGED" as const } };
  return await em.findOne(TenantEntity, where, {
    lockMode: LockMode.PESSIMISTIC_WRITE,
    refresh: true,
  });
}

/**
 * Locks a slug, then the row of its tenant, until the caller's transaction ends. Everything that may change
 * a tenant's status locks in this order; the slug is locked also where no tenant has it yet.
 *
 * @param key the tenant, where the slug alone does not name it: one that is purged may have had it before
 * @returns null where there is no such tenant
 */
export async function lockTenantBySlug(
  em: EntityManager,
  slug: string,
  key: TenantKey = { slug },
): Promise<Tenant | null> {
  await serialise(em, `tenant:${slug}`);
  return await lockTenantRow(em, key);
}

/**
 * Lets the tenant pass that was found by a slug, if it is the one that was named.
 *
 * @throws DomainError E_TENANT_NOT_FOUND where there is none, or the slug is another tenant's by now
 */
export function expectNamed(tenant: Tenant | null, { slug, tenantId }: NamedTenant): Tenant {
  if (tenant !== null && (tenantId ?? tenant.id) === tenant.id) return tenant;
  throw tenantId === undefined ? tenantNotFound(slug) : tenantIdNotFound(tenantId);
}

/**
 * Runs a transaction in which a named tenant is locked, as `lockTenantBySlug` does.
 *
 * @throws DomainError E_TENANT_NOT_FOUND
 */
export async function withTenantLocked<T>(
  { em }: Pick<Orm, "em">,
  named: NamedTenant,
  work: (em: EntityManager, tenant: Tenant) => Promise<T>,
): Promise<T> {
  return await em.fork().transactional(async (transaction) => {
    const em = transaction as EntityManager;
    return await work(em, expectNamed(await lockTenantBySlug(em, named.slug), named));
  });
}

/** The living tenant of a slug. @throws DomainError E_TENANT_NOT_FOUND */
export async function tenantBySlug(em: EntityManager, slug: string): Promise<Tenant> {
  const tenant = await findTenant(em, { slug });
  if (tenant) return tenant;
  throw tenantNotFound(slug);
}

/** The error of a slug that no living tenant has. */
export const tenantNotFound = (slug: string): DomainError =>
  new DomainError("E_TENANT_NOT_FOUND", { message: `Tenant slug '${slug}' not found` });

/** The error of an id that no living tenant has. */
export const tenantIdNotFound = (id: string): DomainError =>
  new DomainError("E_TENANT_NOT_FOUND", {
    message: `No living tenant has the id '${id.slice(0, 60)}'`,
  });
