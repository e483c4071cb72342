import type { z } from "zod";
import { describedEnum } from "../kernel/described.ts";

export const Role = describedEnum("Role", "What a platform user or a service token may do.", {
  ADMINISTRATOR: "Everything, also what needs a reason.",
  PROVISIONER: "Provisions, migrates and retires tenants.",
  SUPPORT: "Looks at everything, retries and cancels operations.",
  BILLING: "Looks at tenants and their plans.",
  READONLY: "Looks, and changes nothing.",
});
export type Role = z.infer<typeof Role>;
export const ROLES = Role.options;
