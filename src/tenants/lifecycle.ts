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

const NEXT = {
  PROVISIONING: ["ACTIVE", "FAILED"],
  FAILED: ["PROVISIONING", "ACTIVE", "PURGED"],
  ACTIVE: ["SUSPENDED", "OFFBOARDED", "FAILED"],
  SUSPENDED: ["ACTIVE", "OFFBOARDED"],
  OFFBOARDED: ["ACTIVE", "SUSPENDED", "PURGED"],
  PURGED: [],
} as const satisfies Record<TenantStatus, readonly TenantStatus[]>;

/** Whether a tenant may go from one status to another. */
export const canMove = (from: TenantStatus, to: TenantStatus): boolean =>
  NEXT[from].some((next) => next === to);
