/** The plans that a tenant can be on. */
export const TIERS = ["TRIAL", "STANDARD", "PREMIUM", "ENTERPRISE"] as const;
export type Tier = (typeof TIERS)[number];
