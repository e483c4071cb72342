import type { OperationState } from "../../src/operations/engine/operation.entity.ts";
import type { Isolation } from "../../src/tenants/names.ts";
import type { Tenant } from "../../src/tenants/tenant.entity.ts";
import { ACTS, type ActName, SCENARIOS } from "../kit/scenarios.ts";

/** An operation as the sweep tries it. */
export interface CrashOperation {
  readonly name: string;
  readonly act: ActName;
  readonly isolation: Isolation;
  readonly store: "local" | "vault";
  /** The phase that fails behind its deed, so that everything is undone under faults. */
  readonly failAt?: string;
  /** The phase in which it is cancelled. */
  readonly cancelIn?: string;
  /** It is begun by the timer of the operation before it, which is let end. */
  readonly byTimer?: true;
  /** How it ends. */
  readonly state: OperationState;
  readonly status: Tenant["status"];
  /** The next operation on the slug. */
  readonly next: ActName;
}

/** What comes next on a tenant of this status: the opposite of what was done, where there is one. */
const NEXT: Record<Tenant["status"], ActName> = {
  PROVISIONING: "provisionTenant",
  ACTIVE: "suspendTenant",
  FAILED: "provisionTenant",
  SUSPENDED: "resumeTenant",
  OFFBOARDED: "purgeTenant",
  PURGED: "provisionTenant",
};

/** One entry of the sweep: what is not said is as the operation's scenario has it. */
function operation(
  name: string,
  act: ActName,
  more: Partial<Omit<CrashOperation, "name" | "act">> = {},
): CrashOperation {
  const ends =
    more.failAt !== undefined
      ? ({ state: "FAILED", status: SCENARIOS[act].from ?? "FAILED" } as const)
      : more.cancelIn !== undefined
        ? ({ state: "CANCELLED", status: SCENARIOS[act].from ?? "FAILED" } as const)
        : ({ state: "SUCCEEDED", status: SCENARIOS[act].to } as const);
  const given = { name, act, isolation: "SCHEMA", store: "local", ...ends, ...more } as const;
  return { next: NEXT[given.status], ...given };
}

const OWN = { isolation: "DATABASE" } as const;
const VAULT = { store: "vault" } as const;

/** Every operation that the sweep tries. One more is one entry. */
export const OPERATIONS: readonly CrashOperation[] = [
  operation("provision", "provisionTenant", { next: "purgeTenant" }),
  operation("provision-database", "provisionTenant", { ...OWN, next: "purgeTenant" }),
  operation("provision-vault", "provisionTenant", VAULT),
  operation("provision-undone", "provisionTenant", { failAt: "ADMIN_SEEDED" }),
  operation("provision-database-undone", "provisionTenant", {
    ...OWN,
    ...VAULT,
    failAt: "VERIFIED",
    next: "cleanupTenant",
  }),
  operation("provision-cancelled", "provisionTenant", { ...VAULT, cancelIn: "MIGRATIONS_APPLIED" }),
  operation("migrate", "migrateTenant"),
  operation("migrate-database", "migrateTenant", OWN),
  operation("accept-migration", "acceptMigration"),
  operation("activate", "activateTenant"),
  operation("add-laboratory", "addLaboratory"),
  operation("seed", "seedTenant"),
  operation("snapshots", "refreshSnapshots"),
  operation("rotate", "rotateCredentials", { next: "retireCredentials" }),
  operation("rotate-vault", "rotateCredentials", { ...VAULT, next: "purgeTenant" }),
  operation("rotate-undone", "rotateCredentials", {
    ...VAULT,
    failAt: "VERIFIED",
    next: "rotateCredentials",
  }),
  operation("retire", "retireCredentials", { next: "rotateCredentials" }),
  operation("retire-by-timer", "retireCredentials", { byTimer: true }),
  operation("limits", "setLimits"),
  operation("suspend", "suspendTenant"),
  operation("resume", "resumeTenant"),
  operation("offboard", "offboardTenant", { next: "restoreTenant" }),
  operation("offboard-database", "offboardTenant", OWN),
  operation("restore", "restoreTenant", { next: "offboardTenant" }),
  operation("cleanup", "cleanupTenant"),
  operation("cleanup-database", "cleanupTenant", { ...OWN, ...VAULT }),
  operation("purge", "purgeTenant"),
  operation("purge-database", "purgeTenant", OWN),
  operation("purge-vault", "purgeTenant", VAULT),
  operation("purge-by-timer", "purgeTenant", { byTimer: true }),
];

/** Operations of the catalogue that the sweep does not try: must be none. */
export const UNTRIED: readonly ActName[] = ACTS.filter(
  (act) => !OPERATIONS.some((each) => each.act === act),
);
