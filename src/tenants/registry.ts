import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "../database/orm.ts";
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
export async function lockTenant(em: EntityManager, key: TenantKey): Promise<Tenant | null> {
  const where =
    "id" in key ? { id: key.id } : { slug: key.slug, status: { $ne: "PURGED" as const } };
  return await em.findOne(TenantEntity, where, {
    lockMode: LockMode.PESSIMISTIC_WRITE,
    refresh: true,
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
