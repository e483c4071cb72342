import { payloadOf } from "../api/api.ts";
import type { RunFlags } from "../operation/start-operation.ts";
import { runAnywhere } from "../session.ts";
import { confirm } from "../terminal/confirm.ts";
import { givenFields } from "../terminal/flag-values.ts";
import { CleanupFailedTenants } from "./documents.ts";
import { seeStarts } from "./see-starts.ts";

/** The flags of `tenant cleanup`. */
export interface CleanupFlags extends RunFlags {
  readonly yes?: boolean;
  readonly slug?: string;
  readonly dropSchema?: boolean;
}

/** `tenantry tenant cleanup`: clears away one failed tenant, or all of them. */
export async function cleanup(flags: CleanupFlags): Promise<void> {
  const { slug, dropSchema, idempotencyKey } = flags;
  const input = givenFields({ slug, dropSchema, idempotencyKey });
  return await runAnywhere(
    flags,
    async (session) => {
      const { started } = await session.api.execute(CleanupFailedTenants, { input });
      return await seeStarts(session, payloadOf(started).results, flags, "No tenant has failed.");
    },
    () => confirm(questionOf(flags), flags.yes),
  );
}

const questionOf = ({ slug, dropSchema }: CleanupFlags): string =>
  `Clear away ${slug === undefined ? "every tenant whose provisioning failed" : `tenant '${slug}'`}${dropSchema ? ", with schema, roles and secret" : ""}?`;
