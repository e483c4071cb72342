import { runOnTenant, type SlugFlags } from "./acts.ts";

/** The flags of a command that may be given a reason. */
export interface ReasonFlags extends SlugFlags {
  readonly reason?: string;
}

/** `tenantry tenant suspend`. */
export const suspend = ({ slug, reason, ...flags }: ReasonFlags): Promise<void> =>
  runOnTenant(flags, {
    title: "Suspending",
    act: "suspendTenant",
    request: { slug, reason },
  });

/** `tenantry tenant resume`. */
export const resume = ({ slug, ...flags }: SlugFlags): Promise<void> =>
  runOnTenant(flags, {
    title: "Resuming",
    act: "resumeTenant",
    request: { slug },
  });

/** The flags of `tenant offboard`. */
export interface OffboardFlags extends ReasonFlags {
  readonly retentionDays?: number;
  readonly purge?: boolean;
}

/** `tenantry tenant offboard`. */
export const offboard = (given: OffboardFlags): Promise<void> => {
  const { slug, retentionDays, purge, reason, ...flags } = given;
  return runOnTenant(flags, {
    title: "Offboarding",
    question: purge
      ? `Take tenant '${slug}' out of use and remove everything that it holds, for good?`
      : `Take tenant '${slug}' out of use, until it is purged at the end of its retention window?`,
    act: "offboardTenant",
    request: { slug, retentionDays, purge, reason },
  });
};

/** `tenantry tenant restore`. */
export const restore = ({ slug, ...flags }: SlugFlags): Promise<void> =>
  runOnTenant(flags, {
    title: "Restoring",
    act: "restoreTenant",
    request: { slug },
  });

/** The flags of `tenant purge`. */
export interface PurgeFlags extends ReasonFlags {
  readonly now?: boolean;
}

/** `tenantry tenant purge`. */
export const purge = ({ slug, now, reason, ...flags }: PurgeFlags): Promise<void> =>
  runOnTenant(flags, {
    title: "Purging",
    question: `Remove everything that tenant '${slug}' holds, for good?`,
    act: "purgeTenant",
    request: { slug, immediately: now, reason },
  });
