import { runOnTenant, type TenantFlags } from "./acts.ts";

/** The flags of `seed` and `snapshot`. */
export interface DataFlags extends TenantFlags {
  readonly tenantSlug: string;
}

/** `tenantry seed`: adds seed sets to a tenant. */
export const seed = (sets: readonly string[], flags: DataFlags): Promise<void> =>
  runOnTenant(flags, {
    title: "Seeding",
    act: "seedTenant",
    request: { slug: flags.tenantSlug, sets },
  });

/** What each word after `snapshot` asks for. */
export const SNAPSHOTS = {
  patients: { targets: ["PATIENT"] },
  "analysis-requests": { targets: ["ANALYSIS_REQUEST"] },
  samples: { targets: ["SAMPLE"] },
  analyses: { targets: ["ANALYSIS_RESULT"] },
  "refresh-all": {},
  "hard-refresh": { hard: true, confirm: true },
} as const;
export type SnapshotWord = keyof typeof SNAPSHOTS;

/** `tenantry snapshot`: takes a tenant's metadata snapshots again. */
export const snapshot = (word: SnapshotWord, flags: DataFlags): Promise<void> => {
  const slug = flags.tenantSlug;
  const again = `Take every snapshot of tenant '${slug}' again, also of records that were finished long ago?`;
  return runOnTenant(flags, {
    title: "Refreshing the snapshots of",
    ...(word === "hard-refresh" ? { question: again } : {}),
    act: "refreshSnapshots",
    request: { slug, ...SNAPSHOTS[word] },
  });
};
