import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import type { Actor } from "../iam/actor.ts";
import { authorize } from "../iam/grants.ts";
import { parseEmail } from "../iam/users/email.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { lineField, parseInput } from "../kernel/input.ts";
import { nextFor } from "../tenants/lifecycle.ts";
import { lockTenant, tenantNotFound } from "../tenants/registry.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { admit } from "./admit.ts";
import { findIdentityByEmail, hasOwnPassword, lockEmail } from "./identities.ts";
import type { Identity } from "./identity.entity.ts";
import type { ManagePorts } from "./manage.ts";
import { MembershipEntity, type TenantRole } from "./membership.entity.ts";
import { checkActive } from "./tenant-session.ts";

const NameInput = z.object({ name: lineField(200).nullable() });

/** Whom to invite to a tenant that is in use. */
export interface AdminInvitation {
  readonly slug: string;
  readonly email: string;
  readonly name: string | null;
  readonly role: TenantRole;
  /** Whether an identity that exists already may be linked to the tenant. */
  readonly allowExistingUser: boolean;
}

/**
 * Makes somebody a member of an ACTIVE tenant and sends them an invitation; whoever has a password
 * already is only told of it.
 *
 * @throws DomainError E_FORBIDDEN; E_VALIDATION for email and name; E_TENANT_NOT_FOUND,
 *   E_TENANT_NOT_ACTIVE; E_MEMBER_EXISTS; E_OWNER_EXISTS when the email belongs to somebody and
 *   linking them was not allowed
 */
export async function inviteTenantAdmin(
  ports: ManagePorts,
  actor: Actor,
  input: AdminInvitation,
): Promise<Tenant> {
  authorize(actor, "invitation:write");
  const email = parseEmail(input.email);
  const name = parseName(input.name);
  return await ports.em.fork().transactional(async (em) => {
    const tenant = await lockTenant(em, { slug: input.slug });
    if (tenant === null) throw tenantNotFound(input.slug);
    checkActive(tenant, nextFor(tenant, "OTHER"));
    await lockEmail(em, email);
    const existing = await findIdentityByEmail(em, email);
    if (existing !== null) await refuseExisting(em, tenant, existing, input.allowExistingUser);
    const { membership, invitation } = await admit(ports, em, {
      ...{ tenantId: tenant.id, slug: tenant.slug, tenantName: tenant.name },
      ...{ email, name, existing, role: input.role, credential: "INVITATION" },
      ...{ operationId: null, actor },
    });
    await ports.queue.enqueueMail(em, `mail-${invitation?.id ?? membership.id}`);
    return tenant;
  });
}

async function refuseExisting(
  em: EntityManager,
  { id: tenantId, slug }: Tenant,
  identity: Identity,
  allowed: boolean,
): Promise<void> {
  const { id: identityId, email } = identity;
  const memberships = await em.find(MembershipEntity, { identityId });
  if (memberships.some((membership) => membership.tenantId === tenantId)) {
    throw new DomainError("E_MEMBER_EXISTS", {
      message: `${email} belongs to tenant '${slug}' already`,
    });
  }
  // Somebody whose only invitation was revoked is as good as new.
  if (allowed || (memberships.length === 0 && !hasOwnPassword(identity))) return;
  throw new DomainError("E_OWNER_EXISTS", {
    message: `An identity with the email ${email} exists already`,
    issues: [{ path: ["email"], message: "exists already", code: "E_OWNER_EXISTS" }],
  });
}

function parseName(raw: string | null): string | null {
  const name = raw?.trim() || null;
  return parseInput(NameInput, { name }).name;
}
