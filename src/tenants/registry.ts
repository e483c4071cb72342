import { LockMode } from "@mikro-orm/core";
import { serialise } from "../database/locks.ts";
import type { EntityManager, Orm } from "../database/orm.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import { type Tenant, TenantEntity } from "./tenant.entity.ts";

/** How a caller names a tenant. */
export type TenantKey = { readonly slug: string } | { readonly id: string };

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
 * Runs a transaction in which the tenant of a slug is locked, as `lockTenantBySlug` does.
 *
 * @throws DomainError E_TENANT_NOT_FOUND
 */
export async function withTenantLocked<T>(
  { em }: Pick<Orm, "em">,
  slug: string,
  work: (em: EntityManager, tenant: Tenant) => Promise<T>,
): Promise<T> {
  return await em.fork().transactional(async (transaction) => {
    const tenant = await lockTenantBySlug(transaction as EntityManager, slug);
    if (!tenant) throw tenantNotFound(slug);
    return await work(transaction as EntityManager, tenant);
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
