import type { Command } from "commander";
import type { OperationCommand } from "../../api/generate/command-manifest.ts";
import { payloadOf } from "../api/api.ts";
import { requestOf, runOperationCommand } from "../operation/run-operation-command.ts";
import type { RunFlags } from "../operation/start-operation.ts";
import { runAnywhere } from "../session.ts";
import { confirm } from "../terminal/confirm.ts";
import { UsageError } from "../terminal/exit-codes.ts";
import { givenFields } from "../terminal/flag-values.ts";
import { RotateAllTenantCredentials } from "./documents.ts";
import { seeStarts } from "./see-starts.ts";

interface RotateFlags extends RunFlags {
  readonly yes?: boolean;
  readonly slug?: string;
  readonly all?: boolean;
}

/** `tenantry tenant rotate-credentials`: of one tenant, or of all that have any. */
export async function rotate(command: Command, described: OperationCommand): Promise<void> {
  const { slug, all, ...flags } = command.opts<RotateFlags>();
  if ((slug === undefined) !== (all === true)) throw needs("either --slug or --all");
  if (!all) return await runOperationCommand(command, described);
  if (flags.dryRun) throw needs("--slug with --dry-run");
  const { idempotencyKey } = flags;
  const input = givenFields({ ...requestOf(command, described), idempotencyKey });
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
