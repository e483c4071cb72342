import type { ActName } from "../backend.ts";
import { type RunFlags, startAndSeeThrough } from "../operation/start-operation.ts";
import { runAnywhere } from "../session.ts";
import { confirm } from "../terminal/confirm.ts";
import { givenFields } from "../terminal/flag-values.ts";

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
  readonly act: ActName;
  /** What the flags said; read with the operation's own rules. */
  readonly request: Readonly<Record<string, unknown>>;
}

/** Runs a command that starts an operation on a tenant: asks, starts it and sees it through. */
export async function runOnTenant(flags: TenantFlags, asked: TenantAct): Promise<void> {
  const { title, question, act, request } = asked;
  return await runAnywhere(
    flags,
    (session) => startAndSeeThrough(session, flags, { title, act, request: givenFields(request) }),
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
  readonly allowOutOfOrder?: readonly string[];
  readonly reason?: string;
}

/** `tenantry tenant migrate`. */
export const migrate = (flags: MigrateFlags): Promise<void> =>
  runOnTenant(flags, {
    title: flags.dryRun ? "Dry run for migrating" : "Migrating",
    act: "migrateTenant",
    request: {
      ...{ slug: flags.slug, to: flags.to },
      ...{ allowOutOfOrder: flags.allowOutOfOrder, reason: flags.reason },
    },
  });

/** The flags of `tenant accept-migration`. */
export interface AcceptFlags extends SlugFlags {
  readonly migration: string;
  readonly reason: string;
}

/** `tenantry tenant accept-migration`. */
export const acceptMigration = ({
  slug,
  migration,
  reason,
  ...flags
}: AcceptFlags): Promise<void> =>
  runOnTenant(flags, {
    title: "Accepting a migration of",
    act: "acceptMigration",
    request: { slug, migration, reason },
  });

/** The flags of `tenant activate`. */
export interface ActivateFlags extends SlugFlags {
  readonly force?: boolean;
  readonly reason?: string;
}

/** `tenantry tenant activate`. */
export const activate = (flags: ActivateFlags): Promise<void> =>
  runOnTenant(flags, {
    title: "Activating",
    act: "activateTenant",
    request: { slug: flags.slug, force: flags.force, reason: flags.reason },
  });

/** The flags of `tenant add-lab`. */
export interface AddLabFlags extends SlugFlags {
  readonly name: string;
  readonly setupName?: string;
}

/** `tenantry tenant add-lab`. */
export const addLab = ({ slug, name, setupName, ...flags }: AddLabFlags): Promise<void> =>
  runOnTenant(flags, {
    title: "Adding a laboratory to",
    act: "addLaboratory",
    request: { slug, name, setupName },
  });
