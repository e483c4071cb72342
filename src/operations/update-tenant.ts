import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { record } from "../audit/record.ts";
import type { Actor } from "../iam/actor.ts";
import { authorize } from "../iam/grants.ts";
import { parseInput } from "../kernel/input.ts";
import { expectVersion, ifVersionField, versionOf } from "../kernel/version-of.ts";
import { type LabelMap, labelMapOf, labelsField } from "../tenants/labels.ts";
import { LIMIT_RANGES, type LimitName, limitsOf, type TierLimits } from "../tenants/limits.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { withTenantLocked } from "../tenants/registry.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import type { OperationCatalog } from "./catalog.ts";
import type { Operation } from "./engine/operation.entity.ts";
import type { StartPorts } from "./engine/start-operation.ts";
import { ProvisionInput } from "./provision/input.ts";
import { startFollowUp } from "./start/follow-up.ts";
import { isBillingField, profileUpdates } from "./tenant-profile.ts";

interface UpdatePorts extends StartPorts {
  readonly operations: Pick<OperationCatalog, "setLimits">;
  readonly config: { readonly tenantLimits: TierLimits };
}

/** The tenant as it stands now, and the operation that carries the change to its db server. */
export interface UpdatedTenant {
  readonly tenant: Tenant;
  /** Null where there is nothing to carry. */
  readonly operation: Operation | null;
}

const limit = (name: LimitName, says: { description: string; flag: string; help: string }) => {
  const { min, max } = LIMIT_RANGES[name];
  return z.int().min(min).max(max).nullable().meta(says);
};

/** The limits of a tenant's own that can be set. */
export const LimitFields = z.strictObject({
  connectionLimit: limit("connectionLimit", {
    description:
      "How many sessions each login of its application may have at a time, 1 to 100000; null for its tier's limit. Needs `tenant:edit`.",
    flag: "--connection-limit <number>",
    help: "sessions of each of its logins",
  }),
  statementTimeoutSeconds: limit("statementTimeoutSeconds", {
    description:
      "The statement_timeout that its sessions begin with, 0 for none to 604800; null for its tier's. Needs `tenant:edit`.",
    flag: "--statement-timeout <seconds>",
    help: "what its sessions begin with; 0 for none",
  }),
  idleInTransactionTimeoutSeconds: limit("idleInTransactionTimeoutSeconds", {
    description:
      "The idle_in_transaction_session_timeout that its sessions begin with, 0 for none to 604800; null for its tier's. Needs `tenant:edit`.",
    flag: "--idle-in-transaction-timeout <seconds>",
    help: "as above",
  }),
});

/** What else can be changed, each field with the rule that provisioning has. */
export const NotedFields = z.strictObject({
  name: ProvisionInput.shape.name.describe(
    "Its name, for people: 1 to 200 characters. Needs `tenant:edit`.",
  ),
  ...profileUpdates,
  labels: labelsField.describe(
    "What is noted of it, at most 50: these take the place of all that were. Needs `tenant:edit`.",
  ),
});
const FIELDS = z.strictObject({ ...NotedFields.shape, ...LimitFields.shape });
export const UpdateInput = z
  .strictObject({ ...namedTenant, ...FIELDS.partial().shape, ifVersion: ifVersionField })
  .meta({
    description:
      "The tenant, and what to change. What is left out stays; null clears what can be empty.",
    argument: "What to change.",
  });

type Field = keyof z.infer<typeof FIELDS>;

/**
 * Changes what the registry keeps of a tenant. A field that is left out stays; null clears one that
 * can be empty, and a limit of the tenant's own, so that its tier's holds. Changes of different fields at the
 * same moment do not undo each other. Where other limits hold then for a tenant in use, an operation that
 * sets them is started with the change.
 *
 * @param request an `UpdateInput`: `{ slug, tenantId?, ifVersion? }`, and the fields to change
 * @throws DomainError E_VALIDATION, E_TENANT_NOT_FOUND; E_FORBIDDEN for a single field;
 *   E_VERSION_STALE; E_OPERATION_IN_PROGRESS where limits would change meanwhile
 */
export async function updateTenant(
  ports: UpdatePorts,
  actor: Actor,
  request: unknown,
): Promise<UpdatedTenant> {
  const { slug, tenantId, ifVersion, labels, ...others } = parseInput(UpdateInput, request);
  const wanted = { ...others, ...(labels ? { labels: labelMapOf(labels) } : {}) };
  const given = (Object.keys(wanted) as Field[]).filter((field) => wanted[field] !== undefined);
  if (!given.every(isBillingField)) authorize(actor, "tenant:edit");
  return await withTenantLocked(ports.orm, { slug, tenantId }, async (em, tenant) => {
    expectVersion(tenantVersion(tenant), ifVersion);
    const changes = given
      .filter((field) => !isDeepStrictEqual(tenant[field], wanted[field]))
      .map((field) => ({ field, from: tenant[field], to: wanted[field] ?? null }));
    if (changes.length === 0) return { tenant, operation: null };
    const before = limitsOf(ports.config.tenantLimits, tenant);
    for (const { field, to } of changes) Object.assign(tenant, { [field]: to });
    tenant.updatedAt = ports.clock();
    record(em, actor, {
      type: "TENANT_UPDATED",
      tenant: { id: tenant.id, slug },
      detail: { changes: changes.map(inWords) },
    });
    const after = limitsOf(ports.config.tenantLimits, tenant);
    if (tenant.status !== "ACTIVE" || isDeepStrictEqual(before, after))
      return { tenant, operation: null };
    await em.flush();
    const { setLimits } = ports.operations;
    return { tenant, operation: await startFollowUp(ports, em, actor, setLimits, { slug }) };
  });
}

/** The version of what can be edited of a tenant. */
export const tenantVersion = (tenant: Tenant): string =>
  versionOf(
    Object.fromEntries(
      (Object.keys(FIELDS.shape) as Field[]).map((field) => [field, tenant[field]]),
    ),
  );

interface Change {
  readonly field: Field;
  readonly from: string | number | LabelMap | null;
  readonly to: string | number | LabelMap | null;
}

/** As the audit trail keeps it. */
const inWords = ({ field, from, to }: Change) => ({
  field,
  from: textOf(from),
  to: textOf(to),
});

const textOf = (value: Change["from"]): string | null => {
  if (value === null) return null;
  return typeof value === "object" ? JSON.stringify(value).slice(0, 500) : String(value);
};
