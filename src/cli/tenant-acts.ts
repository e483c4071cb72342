import { authorize } from "../iam/grants.ts";
import type { OperationCatalog } from "../operations/catalog.ts";
import type { AnyOperation } from "../operations/engine/phase.ts";
import { startOnTenant } from "../operations/parts/start-on-tenant.ts";
import { confirm } from "./confirm.ts";
import { givenFields } from "./flag-values.ts";
import { runOnPlatform } from "./session.ts";
import { type RunFlags, startAndSeeThrough } from "./start-operation.ts";

/** The flags of a command that starts an operation on a tenant. */
export interface TenantFlags extends RunFlags {
  /** Whether nobody is to be asked. */
  readonly yes?: boolean;
}

/** What a command asks of a tenant. */
interface TenantAct {
  readonly title: string;
  /** What whoever runs the command is asked first, where something is lost. */
  readonly question?: string;
  readonly operation: (operations: OperationCatalog) => AnyOperation;
  /** What the flags said; read with the operation's own rules. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** Runs a command that starts an operation on a tenant: asks, starts it and sees it through. */
export async function runOnTenant(flags: TenantFlags, act: TenantAct): Promise<never> {
  const { title, question, operation, input } = act;
  return await runOnPlatform(
    flags,
    async (session) => {
      const { platform, actor } = session;
      authorize(actor, "tenant:operate");
      return await startAndSeeThrough(session, flags, {
        title,
        start: (options) =>
          startOnTenant(
            platform,
            actor,
            operation(platform.operations),
            givenFields(input),
            options,
          ),
      });
    },
    () => (question === undefined ? undefined : confirm(question, flags.yes)),
  );
}

/** The flags of a command about one tenant. */
export interface SlugFlags extends TenantFlags {
  readonly slug: string;
}

/** The flags of `tenant migrate`. */
export interface MigrateFlags extends SlugFlags {
  readonly to?: string;
}

/** `tenantry tenant migrate`. */
export const migrate = (flags: MigrateFlags): Promise<never> =>
  runOnTenant(flags, {
    title: flags.dryRun ? "Dry run for migrating" : "Migrating",
    operation: (operations) => operations.migrateTenant,
    input: { slug: flags.slug, to: flags.to },
  });

/** The flags of `tenant activate`. */
export interface ActivateFlags extends SlugFlags {
  readonly force?: boolean;
  readonly reason?: string;
}

/** `tenantry tenant activate`. */
export const activate = (flags: ActivateFlags): Promise<never> =>
  runOnTenant(flags, {
    title: "Activating",
    operation: (operations) => operations.activateTenant,
    input: { slug: flags.slug, force: flags.force, reason: flags.reason },
  });

/** The flags of `tenant add-lab`. */
export interface AddLabFlags extends SlugFlags {
  readonly name: string;
  readonly setupName?: string;
}

/** `tenantry tenant add-lab`. */
export const addLab = ({ slug, name, setupName, ...flags }: AddLabFlags): Promise<never> =>
  runOnTenant(flags, {
    title: "Adding a laboratory to",
    operation: (operations) => operations.addLaboratory,
    input: { slug, name, setupName },
  });
