import type { Tenant } from "./tenant.entity.ts";

/**
 * The app roles whose logins are open while the tenant is ACTIVE: the one that its secret leads to
 * and, until the grace period of its last rotation has ended, the one before.
 */
export const openRolesOf = ({
  appRole,
  retiringRole,
}: Pick<Tenant, "appRole" | "retiringRole">): string[] =>
  retiringRole === null ? [appRole] : [appRole, retiringRole];
