import type { z } from "zod";
import { describedEnum } from "../kernel/described.ts";
import { DomainError } from "../kernel/domain-error.ts";
import type { ErrorCode } from "../kernel/error-codes.ts";

/** Every state of a tenant, in the order of its life. */
export const TenantStatus = describedEnum("TenantStatus", "Where a tenant is in its life.", {
  PROVISIONING: "Its first operation is running; the slug is taken already.",
  ACTIVE: "Verified and in use.",
  FAILED: "Provisioning failed and was undone: retry its operation, or clean it up.",
  SUSPENDED: "Out of use for now: its application cannot log in, and everything is kept.",
  OFFBOARDED: "Out of use for good; can be restored until its retention window ends.",
  PURGED: "Gone: nothing is left but this row, and the slug is free again.",
});
export type TenantStatus = z.infer<typeof TenantStatus>;
export const TENANT_STATUSES = TenantStatus.options;

/** Every kind of operation on a tenant. */
export const TENANT_ACTS = [
  "PROVISION",
  "MIGRATE",
  "ACCEPT_MIGRATION",
  "ACTIVATE",
  "ADD_LABORATORY",
  "SEED",
  "REFRESH_SNAPSHOTS",
  "ROTATE_CREDENTIALS",
  "RETIRE_CREDENTIALS",
  "SET_LIMITS",
  "SUSPEND",
  "RESUME",
  "CLEANUP",
  "OFFBOARD",
  "RESTORE",
  "PURGE",
] as const;
export type TenantAct = (typeof TENANT_ACTS)[number];

type Verdict = "ALLOWED" | ErrorCode;

const EXISTS = "E_ALREADY_PROVISIONED";
const INACTIVE = "E_TENANT_NOT_ACTIVE";
const STATUS = "E_TENANT_STATUS";
const OK = "ALLOWED";
const GONE = "E_TENANT_NOT_FOUND";

const everything = (verdict: Verdict): Record<TenantAct, Verdict> =>
  Object.fromEntries(TENANT_ACTS.map((act) => [act, verdict])) as Record<TenantAct, Verdict>;

/**
 * The lifecycle: which operation a tenant of which status allows, or the code it is refused with.
 * A purged tenant is not there any more: its slug can be provisioned as a new one.
 */
export const LIFECYCLE: Record<TenantStatus, Record<TenantAct, Verdict>> = {
  PROVISIONING: {
    ...everything(INACTIVE),
    PROVISION: OK,
    MIGRATE: OK,
    ACCEPT_MIGRATION: OK,
    ACTIVATE: OK,
    SEED: OK,
    RESUME: STATUS,
    CLEANUP: STATUS,
    RESTORE: STATUS,
    PURGE: STATUS,
  },
  ACTIVE: {
    ...everything(OK),
    PROVISION: EXISTS,
    RESUME: STATUS,
    CLEANUP: STATUS,
    RESTORE: STATUS,
  },
  FAILED: {
    ...everything(INACTIVE),
    PROVISION: OK,
    MIGRATE: OK,
    ACCEPT_MIGRATION: OK,
    ACTIVATE: OK,
    SEED: OK,
    CLEANUP: OK,
    RESUME: STATUS,
    RESTORE: STATUS,
    PURGE: STATUS,
  },
  SUSPENDED: {
    ...everything(INACTIVE),
    PROVISION: EXISTS,
    MIGRATE: OK,
    ACCEPT_MIGRATION: OK,
    RESUME: OK,
    OFFBOARD: OK,
    PURGE: OK,
    ROTATE_CREDENTIALS: OK,
    RETIRE_CREDENTIALS: OK,
    SUSPEND: STATUS,
    CLEANUP: STATUS,
    RESTORE: STATUS,
  },
  OFFBOARDED: {
    ...everything(INACTIVE),
    PROVISION: EXISTS,
    RESTORE: OK,
    PURGE: OK,
    RETIRE_CREDENTIALS: OK,
    RESUME: STATUS,
    CLEANUP: STATUS,
    OFFBOARD: STATUS,
  },
  PURGED: { ...everything(GONE), PROVISION: OK },
};

/** What helps where a status allows none of what was asked for, and where it refuses one act for its own reason. */
const NEXT: Record<TenantStatus, Partial<Record<TenantAct, string>> & { readonly OTHER: string }> =
  {
    PROVISIONING: { OTHER: "Wait for the end of its provisioning, which `operations` shows." },
    ACTIVE: {
      PROVISION: "Choose another slug, or work with the tenant that exists: `tenant` shows it.",
      CLEANUP:
        "Only what failed to be provisioned is cleaned up: take it out of use with `offboardTenant`.",
      OTHER: "Nothing is to be done: the tenant is in use.",
    },
    FAILED: {
      OFFBOARD: "Clear it away with `cleanupFailedTenants` and `dropSchema`.",
      PURGE: "Clear it away with `cleanupFailedTenants` and `dropSchema`.",
      OTHER: "Provision it again with `provisionTenant`.",
    },
    SUSPENDED: {
      PROVISION: "Choose another slug, or bring the tenant back into use with `resumeTenant`.",
      SUSPEND: "Nothing is to be done: the tenant is suspended already.",
      CLEANUP:
        "Only what failed to be provisioned is cleaned up: take it out of use with `offboardTenant`.",
      OTHER: "Bring it back into use first, with `resumeTenant`.",
    },
    OFFBOARDED: {
      PROVISION: "Choose another slug, or bring the tenant back into use with `restoreTenant`.",
      OFFBOARD:
        "Nothing is to be done; if it is to go at once, use `purgeTenant` with `immediately` and a `reason`.",
      CLEANUP: "Remove it with `purgeTenant`, at once with `immediately` and a `reason`.",
      OTHER: "Bring it back first, with `restoreTenant`.",
    },
    PURGED: { OTHER: "Check the slug; `tenants` lists those that there are." },
  };

/** What helps where a tenant's status is in the way of an act. */
export const nextFor = (
  { status }: { readonly status: TenantStatus },
  act: TenantAct | "OTHER",
): string => NEXT[status][act] ?? NEXT[status].OTHER;

/**
 * Lets an operation pass that the tenant's status allows.
 *
 * @throws DomainError with the code that the lifecycle names
 */
export function refuseByStatus(
  tenant: { readonly slug: string; readonly status: TenantStatus },
  act: TenantAct,
): void {
  const verdict = LIFECYCLE[tenant.status][act];
  if (verdict === "ALLOWED") return;
  const { slug, status } = tenant;
  const messages: Partial<Record<ErrorCode, string>> = {
    E_ALREADY_PROVISIONED: `Tenant '${slug}' exists already (${status})`,
    E_TENANT_NOT_ACTIVE: `Tenant '${slug}' is not active`,
    E_TENANT_NOT_FOUND: `Tenant slug '${slug}' not found`,
    E_TENANT_STATUS: `Tenant '${slug}' is ${status}, which does not allow ${act}`,
  };
  const message = messages[verdict];
  throw new DomainError(verdict, {
    nextAction: nextFor(tenant, act),
    ...(verdict === EXISTS ? { detail: { slug } } : {}),
    ...(message === undefined ? {} : { message }),
  });
}
