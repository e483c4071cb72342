import type { EntityManager } from "@mikro-orm/postgresql";
import { DomainError } from "../kernel/domain-error.ts";
import type { ErrorCode } from "../kernel/error-codes.ts";
import { type Tenant, TenantEntity } from "../tenants/tenant.entity.ts";
import { findIdentityByEmail, lockIdentity } from "./identities.ts";
import type { Identity } from "./identity.entity.ts";
import { type Membership, MembershipEntity } from "./membership.entity.ts";

/** Somebody who belongs to a tenant. */
export interface Member {
  readonly tenant: Tenant;
  readonly identity: Identity;
  readonly membership: Membership;
}

/** Whom a slug and an email were looked up as; what was not found is null. */
export type Found = { readonly [Part in keyof Member]: Member[Part] | null };

/** Whether everything was found. */
export const isMember = (found: Found): found is Member =>
  found.tenant !== null && found.identity !== null && found.membership !== null;

/** What is missing in what was found, for the audit trail. */
export function whyNoMember({ tenant, identity }: Found) {
  if (tenant === null) return "UNKNOWN_TENANT";
  return identity === null ? "UNKNOWN_ACCOUNT" : "NO_MEMBERSHIP";
}

const NOBODY = "00000000-0000-0000-0000-000000000000";

/**
 * Looks the user of a tenant up. It asks the same three questions whatever exists, so that the time
 * tells nothing.
 */
export async function findMember(
  em: EntityManager,
  { slug, email }: { readonly slug: string; readonly email: string },
): Promise<Found> {
  const tenant = await findTenant(em, slug);
  const identity = await findIdentityByEmail(em, email);
  const membership = await em.findOne(MembershipEntity, {
    tenantId: tenant?.id ?? NOBODY,
    identityId: identity?.id ?? NOBODY,
  });
  return { tenant, identity, membership };
}

/** Answers the tenant that holds a slug now, null when there is none. */
const findTenant = (em: EntityManager, slug: string): Promise<Tenant | null> =>
  em.findOne(TenantEntity, { slug, status: { $ne: "PURGED" } }, { refresh: true });

/**
 * Answers somebody who belongs to a tenant, with the identity locked until the caller's transaction ends.
 *
 * @throws DomainError `refusal` for whoever does not belong to it any more
 */
export async function lockMember(
  em: EntityManager,
  { tenantId, identityId }: { readonly tenantId: string; readonly identityId: string },
  refusal: ErrorCode,
): Promise<Member> {
  const identity = await lockIdentity(em, identityId);
  const tenant = await em.findOne(TenantEntity, { id: tenantId });
  const membership = await em.findOne(MembershipEntity, { tenantId, identityId });
  const found = { tenant, identity, membership };
  if (!isMember(found)) throw new DomainError(refusal);
  return found;
}
