import { z } from "zod";
import { record } from "../audit/record.ts";
import type { EntityManager, Orm } from "../database/orm.ts";
import type { Actor } from "../iam/actor.ts";
import { authorize } from "../iam/grants.ts";
import type { Clock } from "../kernel/clock.ts";
import { parseInput } from "../kernel/input.ts";
import { lockTenant, tenantNotFound } from "../tenants/registry.ts";
import { slugField } from "../tenants/slug.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { ProvisionInput } from "./provision/input.ts";

interface UpdatePorts {
  readonly orm: Orm;
  readonly clock: Clock;
}

const { name, tier, vertical, supportEmail, supportPhone } = ProvisionInput.shape;

/** What whoever looks after contracts may change; each field with the rule that provisioning has. */
const BILLING_FIELDS = z.strictObject({
  tier: tier.unwrap(),
  supportEmail: supportEmail.unwrap(),
  supportPhone: supportPhone.unwrap(),
});
const FIELDS = z.strictObject({
  ...BILLING_FIELDS.shape,
  name,
  vertical: vertical.unwrap(),
});
const UpdateInput = z.strictObject({ slug: slugField, ...FIELDS.partial().shape });

type Field = keyof z.infer<typeof FIELDS>;

/**
 * Changes what the registry keeps of a tenant. A field that is left out stays; null clears one that
 * can be empty. Changes of different fields at the same moment do not undo each other.
 *
 * @param request `{ slug, name?, tier?, vertical?, supportEmail?, supportPhone? }`
 * @throws DomainError E_VALIDATION, E_TENANT_NOT_FOUND; E_FORBIDDEN, also for a single field
 */
export async function updateTenant(
  { orm, clock }: UpdatePorts,
  actor: Actor,
  request: unknown,
): Promise<Tenant> {
  authorize(actor, "tenant:edit-billing");
  const { slug, ...wanted } = parseInput(UpdateInput, request);
  const given = (Object.keys(wanted) as Field[]).filter((field) => wanted[field] !== undefined);
  if (given.some((field) => !(field in BILLING_FIELDS.shape))) authorize(actor, "tenant:edit");
  return await orm.em.fork().transactional(async (em) => {
    const tenant = await lockTenant(em as EntityManager, { slug });
    if (!tenant) throw tenantNotFound(slug);
    const changes = given
      .filter((field) => tenant[field] !== wanted[field])
      .map((field) => ({ field, from: tenant[field], to: wanted[field] ?? null }));
    if (changes.length === 0) return tenant;
    for (const { field, to } of changes) Object.assign(tenant, { [field]: to });
    tenant.updatedAt = clock();
    record(em, actor, {
      type: "TENANT_UPDATED",
      tenant: { id: tenant.id, slug },
      detail: { changes },
    });
    return tenant;
  });
}
