import type { Role } from "./roles.ts";

/** Who asks: a platform user, a service token, or the OS user of the break-glass command. */
export interface Actor {
  readonly kind: "USER" | "SERVICE_TOKEN" | "OS_USER" | "SYSTEM";
  /** The platform user's or service token's id; for an OS user its login name and host. */
  readonly id: string;
  /** Who that is in words, for audit and display. */
  readonly name: string;
  readonly role: Role;
  /** Where the request came from; null where there is no network in between. */
  readonly address: string | null;
}
