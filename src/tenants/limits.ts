import { z } from "zod";
import type { Tenant } from "./tenant.entity.ts";
import { TIERS, type Tier } from "./tiers.ts";

/** What a tenant's application may take of its db server. */
export interface TenantLimits {
  /** How many sessions each of its logins may have at a time. */
  readonly connectionLimit: number;
  /** What its sessions begin with; 0 for no timeout, as PostgreSQL has it. */
  readonly statementTimeoutSeconds: number;
  readonly idleInTransactionTimeoutSeconds: number;
}

/** The limits of tenants that have none of their own. */
export type TierLimits = Readonly<Record<Tier, TenantLimits>>;

/** The range of each limit. */
export const LIMIT_RANGES = {
  connectionLimit: { min: 1, max: 100_000 },
  statementTimeoutSeconds: { min: 0, max: 604_800 },
  idleInTransactionTimeoutSeconds: { min: 0, max: 604_800 },
} as const satisfies Record<keyof TenantLimits, { min: number; max: number }>;

export type LimitName = keyof TenantLimits;
const LIMIT_NAMES = Object.keys(LIMIT_RANGES) as LimitName[];

/** The limits that hold for a tenant: its own where it has any, otherwise its tier's. */
export const limitsOf = (
  tiers: TierLimits,
  tenant: Pick<Tenant, "tier" | LimitName>,
): TenantLimits => {
  const ofTier = tiers[tenant.tier];
  const own = LIMIT_NAMES.map((name) => [name, tenant[name] ?? ofTier[name]]);
  return Object.fromEntries(own) as unknown as TenantLimits;
};

/** What says that a tenant has a limit of its own, by the limit. */
export const OWN_LIMITS = {
  connectionLimit: "CONNECTION_LIMIT",
  statementTimeoutSeconds: "STATEMENT_TIMEOUT",
  idleInTransactionTimeoutSeconds: "IDLE_IN_TRANSACTION_TIMEOUT",
} as const satisfies Record<LimitName, string>;
export type OwnLimit = (typeof OWN_LIMITS)[LimitName];

/** The limits that a tenant has for itself. */
const ownLimitsOf = (tenant: Pick<Tenant, LimitName>): OwnLimit[] =>
  LIMIT_NAMES.filter((name) => tenant[name] !== null).map((name) => OWN_LIMITS[name]);

/** The limits that hold for a tenant, and which of them are its own. */
export type ShownLimits = TenantLimits & { readonly own: readonly OwnLimit[] };

export const shownLimits = (
  tiers: TierLimits,
  tenant: Pick<Tenant, "tier" | LimitName>,
): ShownLimits => ({ ...limitsOf(tiers, tenant), own: ownLimitsOf(tenant) });

/** One limit by tier, from a list of settings: `20,enterprise=60`. */
export type ByTier = Readonly<Record<Tier, number>>;

/**
 * Reads a limit by tier as the environment has it: a number for all tiers, `tier=number` for one of them,
 * or both, separated by commas. A tier that nothing is said of keeps its default.
 */
export function byTier(limit: LimitName, defaults: ByTier) {
  const { min, max } = LIMIT_RANGES[limit];
  const rule = `must be a number from ${min} to ${max}, or numbers by tier such as 20,enterprise=60 (tiers: ${TIERS.join(", ").toLowerCase()})`;
  return z
    .string()
    .transform((text, context): ByTier => {
      const read = text
        .split(",")
        .map((part) => /^\s*(?:([a-z]+)\s*=)?\s*(\d{1,9})\s*$/i.exec(part));
      const entries = read.map((parts): [Tier | "ALL", number] | null => {
        const tier = (parts?.[1] ?? "all").toUpperCase() as Tier | "ALL";
        const value = Number(parts?.[2]);
        const known = tier === "ALL" || TIERS.includes(tier);
        return parts && known && value >= min && value <= max ? [tier, value] : null;
      });
      const given = new Map(entries.filter((entry) => entry !== null));
      if (given.size < read.length) {
        context.addIssue({ code: "custom", message: rule });
        return z.NEVER;
      }
      const of = (tier: Tier) => given.get(tier) ?? given.get("ALL") ?? defaults[tier];
      return Object.fromEntries(TIERS.map((tier) => [tier, of(tier)])) as Record<Tier, number>;
    })
    .default(defaults);
}

/** The same number for every tier. */
export const forAllTiers = (value: number): ByTier =>
  Object.fromEntries(TIERS.map((tier) => [tier, value])) as Record<Tier, number>;

/** Puts limits that were read one by one together by tier. */
export const tierLimits = (limits: Readonly<Record<LimitName, ByTier>>): TierLimits =>
  Object.fromEntries(
    TIERS.map((tier) => [
      tier,
      Object.fromEntries(LIMIT_NAMES.map((name) => [name, limits[name][tier]])),
    ]),
  ) as unknown as TierLimits;

/** A timeout for a person; null where it is not known. */
export const secondsShown = (seconds: number | null): string | null =>
  seconds === 0 ? "without a timeout" : seconds === null ? null : `${seconds} s`;
