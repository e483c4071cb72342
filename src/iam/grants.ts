import { AuditedRefusal } from "../audit/refusal.ts";
import type { Actor } from "./actor.ts";
import { ROLES, type Role } from "./roles.ts";

const EVERYONE = ROLES;
const OPERATORS = ["ADMINISTRATOR", "PROVISIONER"] as const;
/** Everyone but BILLING, who sees tenants and nothing of how they are run. */
const WORKERS = ["ADMINISTRATOR", "PROVISIONER", "SUPPORT", "READONLY"] as const;

/** Which role may do what: the one table that both doors ask. */
export const GRANTS = {
  "me:read": EVERYONE,
  "me:sign-out": EVERYONE,
  "tenant:read": EVERYONE,
  "tenant:provision": OPERATORS,
  "tenant:operate": OPERATORS,
  "tenant:force": ["ADMINISTRATOR"],
  "tenant:purge": ["ADMINISTRATOR"],
  "tenant:lock": ["ADMINISTRATOR"],
  /** Shows the password of a tenant's application. */
  "tenant:reveal": ["ADMINISTRATOR"],
  "tenant:edit": OPERATORS,
  /** Tier and support contacts alone. */
  "tenant:edit-billing": [...OPERATORS, "BILLING"],
  "operation:read": WORKERS,
  "operation:retry": ["ADMINISTRATOR", "PROVISIONER", "SUPPORT"],
  "operation:cancel": ["ADMINISTRATOR", "PROVISIONER", "SUPPORT"],
  /** Names files of the service's machine, and their text. */
  "migration:check": ["ADMINISTRATOR"],
  /** Says what counts as applied, and what may be applied out of order. */
  "migration:override": ["ADMINISTRATOR"],
  "db-server:read": WORKERS,
  "db-server:write": ["ADMINISTRATOR"],
  "secret-name:read": OPERATORS,
  "member:read": ["ADMINISTRATOR", "PROVISIONER", "SUPPORT"],
  "invitation:write": OPERATORS,
  "invitation:reveal": OPERATORS,
  "platform-user:read": ["ADMINISTRATOR"],
  "platform-user:write": ["ADMINISTRATOR"],
  "service-token:read": ["ADMINISTRATOR"],
  "service-token:write": ["ADMINISTRATOR"],
  "signing-key:read": ["ADMINISTRATOR"],
  "signing-key:write": ["ADMINISTRATOR"],
  "audit:read": ["ADMINISTRATOR"],
  /** Lets people in again after the platform database has lost something. */
  "history:accept": ["ADMINISTRATOR"],
} as const satisfies Record<string, readonly Role[]>;

export type Action = keyof typeof GRANTS;

/** Whether a role is granted an action. */
export const isGranted = (role: Role, action: Action): boolean =>
  GRANTS[action].some((granted) => granted === role);

/** Whether an actor of one role may hand out another: it allows nothing that the first does not. */
export const mayGive = (from: Role, to: Role): boolean =>
  (Object.keys(GRANTS) as Action[]).every(
    (action) => !isGranted(to, action) || isGranted(from, action),
  );

/**
 * Lets the actor pass if its role is granted the action.
 *
 * @throws AuditedRefusal E_FORBIDDEN, which both doors tell the audit trail
 */
export function authorize(actor: Actor, action: Action): void {
  if (!isGranted(actor.role, action)) {
    throw new AuditedRefusal("E_FORBIDDEN", {
      actor,
      fact: { type: "ACCESS_REFUSED", detail: { action } },
      message: `The role ${actor.role} does not allow ${action}`,
    });
  }
}
