/** The roles of platform users. */
export const ROLES = ["ADMINISTRATOR", "PROVISIONER", "SUPPORT", "BILLING", "READONLY"] as const;
export type Role = (typeof ROLES)[number];
