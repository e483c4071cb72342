import type { z } from "zod";
import { describedEnum } from "../kernel/described.ts";

/** The plans that a tenant can be on. */
export const Tier = describedEnum("Tier", "The plan that a tenant is on.", {
  TRIAL: "Trying it out.",
  STANDARD: "The usual plan.",
  PREMIUM: "The larger plan.",
  ENTERPRISE: "A plan of its own.",
});
export type Tier = z.infer<typeof Tier>;
export const TIERS = Tier.options;
