import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import type { Actor } from "../iam/actor.ts";
import { parseEmail } from "../iam/users/email.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { lineField, parseInput } from "../kernel/input.ts";
import { nextFor } from "../tenants/lifecycle.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { expectNamed, lockTenantRow } from "../tenants/registry.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { admit } from "./admit.ts";
import { findIdentityByEmail, hasOwnPassword, lockEmail } from "./identities.ts";
import type { Identity } from "./identity.entity.ts";
import type { ManagePorts } from "./manage.ts";
import { MembershipEntity, TenantRole } from "./membership.entity.ts";
import { checkActive } from "./tenant-session.ts";

/** Whom to invite to a tenant that is in use. */
export const InviteInput = z
  .object({
    ...namedTenant,
    email: z.string().describe("The person's email address."),
    name: z
      .string()
      .nullable()
      .default(null)
      .transform((name) => name?.trim() || null)
      .pipe(lineField(200).nullable())
      .describe("The person's name, at most 200 characters."),
    role: TenantRole.default("ADMIN").meta({
      description: "What the person is to be in the tenant.",
    }),
    allowExistingUser: z.boolean().default(false).meta({
      description: "Whether somebody whom another tenant knows already may be linked to this one.",
    }),
  })
  .describe("Whom to invite.");

/**
 * Makes somebody a member of an ACTIVE tenant and sends them an invitation; whoever has a password
 * already is only told of it.
 *
 * @param request what `InviteInput` reads
 * @throws DomainError E_VALIDATION; E_TENANT_NOT_FOUND,
 *   E_TENANT_NOT_ACTIVE; E_MEMBER_EXISTS; E_OWNER_EXISTS when the email belongs to somebody and
 *   linking them was not allowed
 */
export async function inviteTenantAdmin(
  ports: ManagePorts,
  actor: Actor,
  request: unknown,
): Promise<Tenant> {
  const { name, ...input } = parseInput(InviteInput, request);
  const email = parseEmail(input.email);
  return await ports.em.fork().transactional(async (em) => {
    const tenant = expectNamed(await lockTenantRow(em, { slug: input.slug }), input);
    checkActive(tenant, nextFor(tenant, "OTHER"));
    await lockEmail(em, email);
    const existing = await findIdentityByEmail(em, email);
    if (existing !== null) await refuseExisting(em, tenant, existing, input.allowExistingUser);
    const { membership, invitation } = await admit(ports, em, {
      tenantId: tenant.id,
      slug: tenant.slug,
      tenantName: tenant.name,
      email,
      name,
      existing,
      role: input.role,
      credential: "INVITATION",
      operationId: null,
      actor,
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
