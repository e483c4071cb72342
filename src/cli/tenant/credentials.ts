import { payloadOf } from "../api/api.ts";
import { type RunFlags, startAndSeeThrough } from "../operation/start-operation.ts";
import { runAnywhere } from "../session.ts";
import { confirm } from "../terminal/confirm.ts";
import { UsageError } from "../terminal/exit-codes.ts";
import { givenFields } from "../terminal/flag-values.ts";
import { RotateAllTenantCredentials } from "./documents.ts";
import { seeStarts } from "./see-starts.ts";

/** The flags of `tenant rotate-credentials`. */
export interface RotateFlags extends RunFlags {
  readonly yes?: boolean;
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
    const title = flags.dryRun
      ? "Dry run for rotating the credentials of"
      : "Rotating the credentials of";
    const request = givenFields({ tenant: { slug }, ...asked });
    return await runAnywhere(flags, (session) =>
      startAndSeeThrough(session, flags, { title, mutation: "rotateTenantCredentials", request }),
    );
  }
  if (flags.dryRun) throw needs("--slug with --dry-run");
  const input = givenFields({ ...asked, idempotencyKey: flags.idempotencyKey });
  return await runAnywhere(
    flags,
    async (session) => {
      const { started } = await session.api.execute(RotateAllTenantCredentials, { input });
      const { results } = payloadOf(started);
      return await seeStarts(session, results, flags, "No tenant has credentials to rotate.");
    },
    () => confirm("Rotate the credentials of every tenant?", flags.yes),
  );
}

const needs = (what: string) => new UsageError(`tenant rotate-credentials needs ${what}`);
