import { authorize } from "../../iam/grants.ts";
import { rotateAllCredentials } from "../../operations/rotate-all-credentials.ts";
import { runOnPlatform } from "../session.ts";
import { confirm } from "../terminal/confirm.ts";
import { UsageError } from "../terminal/exit-codes.ts";
import { givenFields } from "../terminal/flag-values.ts";
import { runOnTenant, type TenantFlags } from "./acts.ts";
import type { ReasonFlags } from "./removal.ts";
import { seeStarts } from "./see-starts.ts";

/** The flags of `tenant rotate-credentials`. */
export interface RotateFlags extends TenantFlags {
  readonly slug?: string;
  readonly all?: boolean;
  readonly gracePeriod?: number;
  readonly endGrace?: boolean;
  readonly reason?: string;
}

/** `tenantry tenant rotate-credentials`: of one tenant, or of all that have any. */
export async function rotate(given: RotateFlags): Promise<void> {
  const { slug, all, gracePeriod, endGrace, reason, ...flags } = given;
  const asked = { gracePeriodSeconds: gracePeriod, endGrace, reason };
  if ((slug === undefined) !== (all === true)) throw needs("either --slug or --all");
  if (!all) {
    return await runOnTenant(flags, {
      title: flags.dryRun
        ? "Dry run for rotating the credentials of"
        : "Rotating the credentials of",
      act: "rotateCredentials",
      request: { slug, ...asked },
    });
  }
  if (flags.dryRun) throw needs("--slug with --dry-run");
  return await runOnPlatform(
    flags,
    async (session) => {
      const { platform, actor } = session;
      authorize(actor, "tenant:operate");
      const request = givenFields(asked);
      const key = flags.idempotencyKey ?? null;
      const starts = await rotateAllCredentials(platform, actor, request, key);
      return await seeStarts(session, starts, flags, "No tenant has credentials to rotate.");
    },
    () => confirm("Rotate the credentials of every tenant?", flags.yes),
  );
}

const needs = (what: string) => new UsageError(`tenant rotate-credentials needs ${what}`);

/** `tenantry tenant retire-credentials`. */
export const retire = ({ slug, reason, ...flags }: ReasonFlags): Promise<void> =>
  runOnTenant(flags, {
    title: "Closing the old login of",
    act: "retireCredentials",
    request: { slug, reason },
  });
