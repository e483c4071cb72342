import { DomainError } from "../kernel/domain-error.ts";
import type { ErrorCode } from "../kernel/error-codes.ts";

/** Every state of a tenant, in the order of its life. */
export const TENANT_STATUSES = [
  "PROVISIONING",
  "ACTIVE",
  "FAILED",
  "SUSPENDED",
  "OFFBOARDED",
  "PURGED",
] as const;
export type TenantStatus = (typeof TENANT_STATUSES)[number];

/** Every kind of operation on a tenant. */
export const TENANT_ACTS = [
  "PROVISION",
  "MIGRATE",
  "ACTIVATE",
  "ADD_LABORATORY",
  "SEED",
  "REFRESH_SNAPSHOTS",
  "ROTATE_CREDENTIALS",
  "RETIRE_CREDENTIALS",
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
    ...{ PROVISION: OK, MIGRATE: OK, ACTIVATE: OK, SEED: OK },
    ...{ RESUME: STATUS, CLEANUP: STATUS, RESTORE: STATUS, PURGE: STATUS },
  },
  ACTIVE: {
    ...everything(OK),
    ...{ PROVISION: EXISTS, RESUME: STATUS, CLEANUP: STATUS, RESTORE: STATUS },
  },
  FAILED: {
    ...everything(INACTIVE),
    ...{ PROVISION: OK, MIGRATE: OK, ACTIVATE: OK, SEED: OK, CLEANUP: OK },
    ...{ RESUME: STATUS, RESTORE: STATUS, PURGE: STATUS },
  },
  SUSPENDED: {
    ...everything(INACTIVE),
    ...{ PROVISION: EXISTS, MIGRATE: OK, RESUME: OK, OFFBOARD: OK, PURGE: OK },
    ...{ ROTATE_CREDENTIALS: OK, RETIRE_CREDENTIALS: OK },
    ...{ SUSPEND: STATUS, CLEANUP: STATUS, RESTORE: STATUS },
  },
  OFFBOARDED: {
    ...everything(INACTIVE),
    ...{ PROVISION: EXISTS, RESTORE: OK, PURGE: OK, RETIRE_CREDENTIALS: OK },
    ...{ RESUME: STATUS, CLEANUP: STATUS, OFFBOARD: STATUS },
  },
  PURGED: { ...everything(GONE), PROVISION: OK },
};

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
  throw new DomainError(verdict, message === undefined ? {} : { message });
}
