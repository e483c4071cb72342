/** The roles of platform users (DESIGN section 2). */
export const ROLES = ["ADMINISTRATOR", "PROVISIONER", "SUPPORT", "BILLING", "READONLY"] as const;
export type Role = (typeof ROLES)[number];
