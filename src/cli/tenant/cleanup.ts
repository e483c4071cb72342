import { authorize } from "../../iam/grants.ts";
import { cleanupFailedTenants } from "../../operations/cleanup-failed-tenants.ts";
import { runOnPlatform } from "../session.ts";
import { confirm } from "../terminal/confirm.ts";
import { givenFields } from "../terminal/flag-values.ts";
import type { TenantFlags } from "./acts.ts";
import { seeStarts } from "./see-starts.ts";

/** The flags of `tenant cleanup`. */
export interface CleanupFlags extends TenantFlags {
  readonly slug?: string;
  readonly dropSchema?: boolean;
}

/** `tenantry tenant cleanup`: clears away one failed tenant, or all of them. */
export async function cleanup(flags: CleanupFlags): Promise<void> {
  const { slug, dropSchema, idempotencyKey } = flags;
  return await runOnPlatform(
    flags,
    async (session) => {
      const { platform, actor } = session;
      authorize(actor, "tenant:operate");
      const request = givenFields({ slug, dropSchema });
      const starts = await cleanupFailedTenants(platform, actor, request, idempotencyKey ?? null);
      return await seeStarts(session, starts, flags, "No tenant has failed.");
    },
    () => confirm(questionOf(flags), flags.yes),
  );
}

const questionOf = ({ slug, dropSchema }: CleanupFlags): string =>
  `Clear away ${slug === undefined ? "every tenant whose provisioning failed" : `tenant '${slug}'`}${dropSchema ? ", with schema, roles and secret" : ""}?`;
